"use strict";
const data = JSON.parse(document.getElementById("page-data").textContent);
const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

// Mix and match: layers are sprites with a row for each class and a column for each noise.

const MECHANISMS = ["shape", "foreground", "background"];
const mixer = { world: null, sprites: {}, intervened: new Set(MECHANISMS) };

async function pixelsOf(uri) {
  const image = new Image();
  image.src = uri;
  await image.decode();
  const canvas = element("canvas", { width: image.width, height: image.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context;
}

async function chooseWorld() {
  const world = data.worlds[byId("mix-world").value];
  const loaded = await Promise.all(MECHANISMS.map((name) => pixelsOf(world.layers[name])));
  mixer.world = world;
  MECHANISMS.forEach((name, index) => {
    mixer.sprites[name] = loaded[index];
    const select = byId(`mix-${name}`);
    select.replaceChildren(...world.labels.map((label, row) => element("option", { value: row }, world.names[label])));
    select.value = [3, 7, 1][index] % world.labels.length;
  });
  byId("mix-noise").max = world.noises - 1;
  byId("mix-noise").value = readableNoise(world);
  mixer.intervened = new Set(MECHANISMS);
  showMix();
}

// The first noise whose chosen shape the oracle reads: some masks are poor.
function readableNoise(world) {
  const oracle = world.answers.find(([title]) => title.startsWith("Oracle"));
  for (let noise = 0; oracle && noise < world.noises; noise++) {
    if (oracle[1][place(world, noise)] === world.labels[byId("mix-shape").value]) return noise;
  }
  return 0;
}

// The index of the chosen combination in the answers of a classifier.
function place(world, noise) {
  return MECHANISMS.reduce((at, name) => at * world.labels.length + Number(byId(`mix-${name}`).value), noise);
}

function paint(id, pixels, size, label) {
  const canvas = byId(id);
  canvas.width = canvas.height = size;
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  canvas.setAttribute("aria-label", label);
}

function showMix() {
  const { world, sprites } = mixer;
  const rows = MECHANISMS.map((name) => Number(byId(`mix-${name}`).value));
  const classes = rows.map((row) => world.labels[row]);
  const named = classes.map((label) => world.names[label]);
  const noise = Number(byId("mix-noise").value);
  const size = world.size;
  const layers = MECHANISMS.map((name, i) => sprites[name].getImageData(noise * size, rows[i] * size, size, size));
  const mixed = new ImageData(size, size);
  const [m, f, b] = layers.map((layer) => layer.data);
  for (let i = 0; i < mixed.data.length; i++) {
    // The classifiers were asked about images that are rounded in this way.
    mixed.data[i] = i % 4 === 3 ? 255 : Math.floor((m[i] * f[i] + (255 - m[i]) * b[i] + 127) / 255);
  }
  paint("mix-composite", mixed, size, `Shape of ${named[0]}, foreground of ${named[1]}, background of ${named[2]}`);
  MECHANISMS.forEach((name, i) => paint(`layer-${name}`, layers[i], size, `${name} of ${named[i]}`));

  const at = place(world, noise);
  const tally = { shape: 0, foreground: 0, background: 0 };
  const lines = world.answers.map(([title, answers]) => {
    const of = MECHANISMS.filter((_, i) => classes[i] === answers[at]);
    for (const name of of) tally[name] += 1;
    const line = element("tr", { class: of.includes("shape") ? "right" : "wrong" });
    line.append(element("th", { scope: "row" }, title), element("td", {}, world.names[answers[at]]));
    line.append(element("td", {}, (of.includes("shape") ? "✓ " : "✗ ") + (of.join(", ") || "none of them")));
    return line;
  });
  byId("mix-verdicts").tBodies[0].replaceChildren(...lines);
  byId("mix-summary").textContent =
    `Of ${lines.length} classifiers, ${tally.shape} read the shape (${named[0]}), ${tally.foreground} say the class of ` +
    `the foreground (${named[1]}), ${tally.background} that of the background (${named[2]}).`;
  showIntervention(named);
}

function showIntervention(named) {
  const shown = data.charts[mixer.world.name] ? "MNIST" : "ImageNet";
  for (const card of document.querySelectorAll(".model")) {
    card.hidden = card.dataset.model !== shown;
    if (card.hidden) continue;
    const equations = card.querySelector("pre");
    equations.dataset.as ??= equations.textContent;
    let text = equations.dataset.as;
    const said = [];
    MECHANISMS.forEach((name, i) => {
      const done = mixer.intervened.has(name);
      const node = card.querySelector(`[data-node="Y${i + 1}"]`);
      const short = named[i].split(" ").pop().slice(0, 10);
      node.classList.toggle("done", done);
      const label = node.querySelector("text");
      label.textContent = done ? `do(Y${i + 1} := ${short})` : `Y${i + 1}`;
      if (done) said.push(`do(Y${i + 1} := ${named[i]})`);
      if (done) text = text.replace(`Y${i + 1}`, `Y${i + 1} = ${named[i]}`);
    });
    equations.textContent = text;
    card.querySelector("svg").setAttribute("aria-label", ["Causal graph", shown, ...said].join(", "));
  }
}

function shuffle() {
  const controls = [...MECHANISMS.map((name) => byId(`mix-${name}`)), byId("mix-noise")];
  for (const control of controls) {
    const count = control.options ? control.options.length : Number(control.max) + 1;
    control.value = Math.floor(Math.random() * count);
  }
  mixer.intervened = new Set(MECHANISMS);
  showMix();
}

function asInTraining() {
  for (const name of MECHANISMS) byId(`mix-${name}`).value = byId("mix-shape").value;
  mixer.intervened.clear();
  showMix();
}

byId("mix-world").addEventListener("change", chooseWorld);
byId("mix-noise").addEventListener("input", showMix);
byId("mix-shuffle").addEventListener("click", shuffle);
byId("mix-reset").addEventListener("click", asInTraining);
for (const name of MECHANISMS) {
  byId(`mix-${name}`).addEventListener("change", () => {
    mixer.intervened.add(name);
    showMix();
  });
}
chooseWorld();

// Tables: a click on a column's name sorts, the largest first; a second click turns the order around.

for (const head of document.querySelectorAll("th[data-column]")) {
  const button = element("button", { type: "button", class: "sort" }, head.textContent);
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const table = head.closest("table");
    const rising = head.getAttribute("aria-sort") === "descending";
    for (const other of table.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const value = (row) => row.cells[head.dataset.column].dataset.value;
    const number = (row) => (Number.isNaN(parseFloat(value(row))) ? -Infinity : parseFloat(value(row)));
    const compare = head.dataset.column === "0"
      ? (a, b) => value(b).localeCompare(value(a))
      : (a, b) => number(b) - number(a) || 0;
    const rows = [...table.tBodies[0].rows].sort((a, b) => (rising ? -1 : 1) * compare(a, b));
    table.tBodies[0].append(...rows);
  });
}

// What a method is, while one points at its name; a click or tap opens it, too, without a script.

for (const button of document.querySelectorAll("[popovertarget]")) {
  const about = byId(button.getAttribute("popovertarget"));
  const place = () => {
    const box = button.getBoundingClientRect();
    about.style.left = `${Math.max(8, Math.min(box.left, innerWidth - 336))}px`;
    about.style.top = `${box.bottom + 6}px`;
  };
  button.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse" && !about.matches(":popover-open")) about.showPopover();
    place();
  });
  button.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && about.hidePopover());
  button.addEventListener("click", place);
}

// Charts: curves whose values can be read, in the colours of both schemes.

const SVG = "http://www.w3.org/2000/svg";
const short = (value) => Number(value.toPrecision(4)).toLocaleString("en");

function drawn(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) found.push(tick);
  return found;
}

function chart(of) {
  const figure = element("figure", { class: "card chart" });
  const legend = element("div", { class: "legend" });
  const readout = element("p", { class: "readout soft" });
  const hidden = new Set();
  let svg = drawn("svg", {});
  figure.append(element("h3", {}, of.title), svg, readout, legend);
  const color = (line) => `light-dark(${line.color[0]}, ${line.color[1]})`;
  for (const line of of.lines.length > 1 ? of.lines : []) {
    const button = element("button", { type: "button", "aria-pressed": "true" }, line.name);
    const key = drawn("svg", { width: 26, height: 8, "aria-hidden": "true" });
    key.append(drawn("line", { x1: 0, x2: 26, y1: 4, y2: 4, style: `stroke: ${color(line)}`, "stroke-dasharray": line.dash, "stroke-width": 2.5 }));
    button.prepend(key);
    button.addEventListener("click", () => {
      if (!hidden.delete(line.name)) hidden.add(line.name);
      button.setAttribute("aria-pressed", String(!hidden.has(line.name)));
      draw();
    });
    legend.append(button);
  }

  function draw() {
    const lines = of.lines.filter((line) => !hidden.has(line.name) && line.points.length);
    const width = Math.max(260, figure.clientWidth - 32);
    const height = 220;
    const [left, right, top, bottom] = [46, 12, 8, 34];
    const points = lines.flatMap((line) => line.points);
    const fresh = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": of.title });
    svg.replaceWith(fresh);
    svg = fresh;
    readout.textContent = "";
    if (!points.length) return;
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]).sort((a, b) => a - b));
    // The middle 98 % of the values and a margin: a first spike is cut off.
    const inner = [ys[Math.floor(0.01 * (ys.length - 1))], ys[Math.ceil(0.99 * (ys.length - 1))]];
    const margin = 0.06 * (inner[1] - inner[0]) || 0.5;
    const [low, high] = [inner[0] - margin, inner[1] + margin];
    const [first, last] = [xs[0], xs.at(-1) > xs[0] ? xs.at(-1) : xs[0] + 1];
    const x = (value) => left + ((value - first) / (last - first)) * (width - left - right);
    const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
    for (const tick of ticks(low, high, 5)) {
      svg.append(drawn("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
      svg.append(drawn("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
    }
    for (const tick of ticks(first, last, width < 400 ? 3 : 5)) {
      const anchor = x(tick) > width - right - 20 ? "end" : "middle"; // the last number would be cut off
      svg.append(drawn("text", { x: x(tick), y: height - bottom + 16, "text-anchor": anchor }, short(tick)));
    }
    svg.append(drawn("text", { x: width - right, y: height - 2, "text-anchor": "end" }, of.x));
    for (const line of lines) {
      const path = line.points.map(([a, b]) => `${x(a).toFixed(1)},${Math.max(top, Math.min(height - bottom, y(b))).toFixed(1)}`).join(" ");
      svg.append(drawn("polyline", { points: path, style: `stroke: ${color(line)}`, "stroke-dasharray": line.dash }));
    }
    const cursor = drawn("line", { class: "cursor", y1: top, y2: height - bottom, visibility: "hidden" });
    svg.append(cursor);
    svg.addEventListener("pointermove", (event) => {
      const at = first + ((event.clientX - svg.getBoundingClientRect().left - left) / (width - left - right)) * (last - first);
      const near = lines.map((line) => [line.name, line.points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a))]);
      const place = near[0][1][0];
      cursor.setAttribute("x1", x(place));
      cursor.setAttribute("x2", x(place));
      cursor.setAttribute("visibility", "visible");
      readout.textContent = `${of.x} ${short(place)}: ${near.map(([name, point]) => `${name} ${short(point[1])}`).join(", ")}`;
    });
  }
  return { figure, draw };
}

const charts = {};

function showCharts(id, of) {
  const made = of.map(chart);
  byId(id).replaceChildren(...made.map(({ figure }) => figure));
  charts[id] = made;
  for (const { draw } of made) draw();
}

function showTraining() {
  const variant = byId("training-of").value;
  showCharts("training-charts", data.charts[variant]);
  for (const id of ["confusion-1", "confusion-2"]) {
    const counts = data.confusion[variant][byId(`${id}-of`).value];
    const head = element("tr");
    head.append(element("td"), ...counts.map((_, digit) => element("th", { scope: "col" }, digit)));
    const rows = counts.map((row, digit) => {
      const line = element("tr");
      const sum = row.reduce((a, b) => a + b, 0) || 1;
      const cell = (count) => element("td", { style: `--share: ${Math.round((60 * count) / sum)}%` }, count);
      line.append(element("th", { scope: "row" }, digit), ...row.map(cell));
      return line;
    });
    byId(id).replaceChildren(head, ...rows);
  }
}

for (const id of ["training-of", "confusion-1-of", "confusion-2-of"]) byId(id).addEventListener("change", showTraining);
showTraining();
showCharts("imagenet-charts", data.charts.imagenet);
let drawnAt = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === drawnAt) return; // a phone's address bar came or went
  drawnAt = innerWidth;
  for (const { draw } of Object.values(charts).flat()) draw();
});
