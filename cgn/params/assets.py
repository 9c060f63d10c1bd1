"""assets.yaml: published files that are fetched, never committed."""

from typing import Annotated

from pydantic import Field

from cgn.params.section import Section


class AssetParams(Section):
    """One file; what `sha256` may be is told in assets.yaml."""

    url: Annotated[str, Field(pattern=r"^https?://\S+/\S+[^/\s]$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8,64}$")] | None
    licence: Annotated[str, Field(min_length=1)]


class AssetsParams(Section):
    biggan_deep_256: AssetParams
    biggan_deep_128: AssetParams
    u2net: AssetParams
    u2netp: AssetParams
    vgg16_bn: AssetParams
    resnet50: AssetParams
    resnet50_sin: AssetParams
    resnet50_in_sin: AssetParams
    in9: AssetParams
    cue_conflict: AssetParams
