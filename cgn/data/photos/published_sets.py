"""IN-9 (Xiao et al. 2021) and cue conflict (Geirhos et al. 2019) out of their published archives."""

import tarfile
import zlib
from pathlib import Path, PurePosixPath

from PIL import Image
from tqdm import tqdm

from cgn.errors import UserError
from cgn.io.files import atomic_folder
from cgn.io.images import is_image_name, read_image, square


def unpack_set(archive: Path, folder: Path, resolution: int) -> None:
    """Write the images of a tar archive as PNG files of `resolution` pixels squared, as a new `folder`.

    Their paths are those in the archive without its one top folder. Raises UserError when the archive is
    damaged, or holds a damaged image or none at all.
    """
    try:
        with atomic_folder(folder) as temporary, tarfile.open(archive) as tar:
            count = 0
            for member in tqdm(tar, desc=archive.name, unit="file", delay=5):
                path = PurePosixPath(member.name)
                hidden = any(part.startswith(".") for part in path.parts)
                if not member.isfile() or hidden or not is_image_name(path.name):
                    continue
                content = tar.extractfile(member)
                assert content is not None  # a file has some
                pixels = square(read_image(content, f"{archive}: {member.name}"), resolution)
                target = temporary.joinpath(*path.parts[1:]).with_suffix(".png")
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(target, compress_level=6)
                count += 1
            if not count:
                raise ValueError("no images in it")
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{archive}: not the archive it should be ({reason}); fetch it again") from None
