import numpy as np

from cgn.seeding import generator, indexed_integers, indexed_normals, indexed_uniforms, seed_for


def test_rows_do_not_depend_on_where_a_range_starts() -> None:
    for width in (1, 4, 7, 32):
        whole = indexed_normals(3, "noise", 0, 50, width)
        np.testing.assert_array_equal(indexed_normals(3, "noise", 17, 31, width), whole[17:31])


def test_no_rows_are_an_empty_table() -> None:
    assert indexed_uniforms(3, "noise", 5, 5, 6).shape == (0, 6)


def test_names_and_seeds_give_other_numbers() -> None:
    first = indexed_uniforms(0, "a", 0, 100, 2)
    assert not np.array_equal(first, indexed_uniforms(0, "b", 0, 100, 2))
    assert not np.array_equal(first, indexed_uniforms(1, "a", 0, 100, 2))
    assert seed_for(0, "a", 1) != seed_for(0, "a", 2)


def test_distributions() -> None:
    normals = indexed_normals(0, "noise", 0, 20_000, 4)
    assert abs(normals.mean()) < 0.02
    assert abs(normals.std() - 1) < 0.02
    assert abs(np.corrcoef(normals.T) - np.eye(4)).max() < 0.03
    integers = indexed_integers(0, "label", 0, 20_000, 10)
    assert set(integers) == set(range(10))
    assert abs(np.bincount(integers) / 2000 - 1).max() < 0.1


def test_generator_repeats() -> None:
    assert generator(5, "x").integers(1 << 60) == generator(5, "x").integers(1 << 60)
    assert generator(5, "x").integers(1 << 60) != generator(6, "x").integers(1 << 60)


def test_seeds_stay_what_they_are() -> None:
    """They make every committed byte; this one is sha256("0/cgn/colored_mnist")."""
    assert seed_for(0, "cgn", "colored_mnist") == 3398645133410406941


def test_normals_are_box_mullers_of_the_uniforms() -> None:
    uniforms = indexed_uniforms(2, "noise", 3, 9, 10)
    radius, angle = np.sqrt(-2 * np.log(1 - uniforms[:, :5])), 2 * np.pi * uniforms[:, 5:]
    normals = indexed_normals(2, "noise", 3, 9, 5)
    assert normals.dtype == np.float32
    np.testing.assert_allclose(normals, radius * np.cos(angle), rtol=1e-5, atol=1e-6)


def test_integers_are_cut_from_the_uniforms() -> None:
    uniforms = indexed_uniforms(3, "label", 5, 50, 1)[:, 0]
    np.testing.assert_array_equal(indexed_integers(3, "label", 5, 50, 10), np.floor(10 * uniforms))
