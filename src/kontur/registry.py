"""The one table of methods: name -> where it lives, what it does, what it takes, where it was published."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.errors import MissingExtra, PromptError, UnknownName
from .core.options import OptionSpec, options_of

if TYPE_CHECKING:
    from .core.hierarchy import Hierarchy
    from .core.image import Image
    from .hub.reference import HubModel
    from .inference.models import Model

DEFAULT = "contours"
"""The method of `kontur segment photo.jpg`."""
WITHOUT_MODELS = "felzenszwalb"
"""The same of a build without embedded models."""


@dataclass(frozen=True)
class Method:
    """One row. task: foreground, regions, superpixels, semantic, instance or panoptic. prompts: what it can be told.

    needs_prompt: it does nothing without one. extra: the optional dependency it needs, or "". embedded: it runs an
    embedded model, of its own name. tree: the function of the module that makes its hierarchy, where it cuts one; its
    options are those of the method but `level` and `regions`.
    """

    name: str
    module: str
    task: str
    paper: str
    prompts: tuple[str, ...] = ()
    needs_prompt: bool = False
    extra: str = ""
    embedded: bool = False
    tree: str = ""

    def load(self) -> Callable[..., Any]:
        """Import the module and return the function."""
        try:
            return getattr(importlib.import_module(f"kontur.{self.module}"), self.name)
        except ModuleNotFoundError as error:
            if self.extra and not str(error.name).startswith("kontur"):
                raise MissingExtra(f"method {self.name!r}", self.extra) from None
            raise

    def hierarchy(self, image: Image, options: dict[str, Any]) -> Hierarchy:
        """The hierarchy that the method cuts, of a row with a `tree`. options: the method's but `level` and `regions`."""
        return getattr(importlib.import_module(f"kontur.{self.module}"), self.tree)(image, **options)

    @property
    def network_path(self) -> Path | None:
        """The file of the network it runs; None of a method without one, or whose network this build does not have."""
        if not self.embedded:
            return None
        from .inference.models import embedded

        return next((model.path for model in embedded() if model.name == self.name), None)

    def check_prompts(self, given: Collection[str], prefix: str = "") -> None:
        """Raise PromptError unless the method takes every prompt named, and has one where it needs one."""
        for name in given:
            if name not in self.prompts:
                takes = " or ".join(self.prompts) or "none"
                raise PromptError(f"{self.name} takes no {name} (prompts it takes: {takes}). See `kontur methods`.")
        if self.needs_prompt and not given:
            wanted = " or ".join(prefix + name for name in self.prompts)
            raise PromptError(f"{self.name} needs a prompt: {wanted}. See `kontur describe {self.name}`.")

    @property
    def options(self) -> tuple[OptionSpec, ...]:
        return options_of(self.load())

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "task": self.task,
            "prompts": list(self.prompts),
            "extra": self.extra or None,
            "paper": self.paper,
            "options": [option.to_dict() for option in self.options],
        }


@dataclass(frozen=True)
class NetworkMethod(Method):
    """A row that is a network file: an embedded model, or one that was named by its path."""

    model: Model | None = None

    @classmethod
    def of(cls, model: Model) -> NetworkMethod:
        task = {"boundary": "regions", "detection": "instance", "panoptic_fpn": "panoptic"}.get(model.task, model.task)
        tree = "contour_tree" if model.task == "boundary" else ""
        return cls(model.name, "inference.method", task, f"network file {model.path.name}", model=model, tree=tree)

    @property
    def network(self) -> Model:
        assert self.model is not None
        return self.model

    @property
    def network_path(self) -> Path | None:
        return self.network.path

    def load(self) -> Callable[..., Any]:
        """Open the file and return its method."""
        from .inference.method import method_of

        return method_of(self.network)

    def hierarchy(self, image: Image, options: dict[str, Any]) -> Hierarchy:
        from .inference.contours import tree_of

        return tree_of(self.network, image, options)

    @property
    def options(self) -> tuple[OptionSpec, ...]:
        """Those of every network of its task; the file is not opened."""
        from .inference.method import kind_of

        return options_of(kind_of(self.network).signature)


@dataclass(frozen=True)
class HubMethod(Method):
    """A row that is a model of transformers, named `hf:NAME_OR_FOLDER`."""

    model: HubModel | None = None

    @classmethod
    def of(cls, name: str) -> HubMethod:
        from .hub.reference import EXTRA, find

        model = find(name)
        prompts = (_BOX, _POINT) if model.task == "foreground" else ()
        return cls(name, "hub.method", model.task, model.family.paper, prompts, extra=EXTRA, model=model)

    @property
    def hub_model(self) -> HubModel:
        assert self.model is not None
        return self.model

    def load(self) -> Callable[..., Any]:
        """The method; the weights are read at its first image."""
        from .hub.method import method_of

        return method_of(self.hub_model)

    @property
    def options(self) -> tuple[OptionSpec, ...]:
        """Those of the model's kind; the weights are not read."""
        from .hub.method import options_of_model

        return options_of_model(self.hub_model)


_BOX, _POINT, _SCRIBBLES = "box", "point", "scribbles"
_SEEDS = (_POINT, _SCRIBBLES)
_ALL = (_BOX, _POINT, _SCRIBBLES)

_ROWS = (
    # outlines by a network
    Method("contours", "inference.contours", "regions",
           "Arbeláez et al., IEEE TPAMI 33(5), 2011; Xie & Tu (HED), ICCV 2015; network trained by this project",
           embedded=True, tree="contour_tree"),
    # thresholds
    Method("threshold", "classical.thresholds", "foreground", "Gonzalez & Woods, Digital Image Processing, ch. 10"),
    Method("otsu", "classical.thresholds", "foreground", "Otsu, IEEE Trans. SMC 9(1), 1979"),
    Method("multi_otsu", "classical.thresholds", "regions", "Liao, Chen & Chung, J. Inf. Sci. Eng. 17, 2001"),
    Method("triangle", "classical.thresholds", "foreground", "Zack, Rogers & Latt, J. Histochem. Cytochem. 25(7), 1977"),
    Method("li", "classical.thresholds", "foreground", "Li & Tam, Pattern Recognition Letters 18(8), 1998"),
    Method("yen", "classical.thresholds", "foreground", "Yen, Chang & Chang, IEEE Trans. Image Processing 4(3), 1995"),
    Method("isodata", "classical.thresholds", "foreground", "Ridler & Calvard, IEEE Trans. SMC 8(8), 1978"),
    Method("minimum", "classical.thresholds", "foreground", "Prewitt & Mendelsohn, Ann. N.Y. Acad. Sci. 128, 1966"),
    Method("niblack", "classical.local_thresholds", "foreground", "Niblack, An Introduction to Digital Image Processing, 1986"),
    Method("sauvola", "classical.local_thresholds", "foreground", "Sauvola & Pietikäinen, Pattern Recognition 33(2), 2000"),
    Method("local_mean", "classical.local_thresholds", "foreground", "Gonzalez & Woods, Digital Image Processing, ch. 10"),
    Method("local_gaussian", "classical.local_thresholds", "foreground", "Gonzalez & Woods, Digital Image Processing, ch. 10"),
    Method("hysteresis", "classical.hysteresis", "foreground", "Canny, IEEE TPAMI 8(6), 1986, section VII"),
    # regions
    Method("region_growing", "classical.region_growing", "regions", "Adams & Bischof, IEEE TPAMI 16(6), 1994", _SEEDS),
    Method("split_merge", "classical.split_merge", "regions", "Horowitz & Pavlidis, J. ACM 23(2), 1976"),
    Method("watershed", "classical.watershed", "regions", "Vincent & Soille, IEEE TPAMI 13(6), 1991; Meyer, 1994", _SEEDS),
    Method("flood", "classical.flood", "foreground", "Smith, Tint Fill, SIGGRAPH 1979", _SEEDS),
    # edges
    Method("sobel", "classical.edges", "regions", "Sobel & Feldman, Stanford AI Project, 1968"),
    Method("scharr", "classical.edges", "regions", "Scharr, Dissertation, Heidelberg, 2000"),
    Method("prewitt", "classical.edges", "regions", "Prewitt, Object Enhancement and Extraction, 1970"),
    Method("marr_hildreth", "classical.marr_hildreth", "regions", "Marr & Hildreth, Proc. R. Soc. Lond. B 207, 1980"),
    Method("canny", "classical.canny", "regions", "Canny, IEEE TPAMI 8(6), 1986"),
    Method("snakes", "classical.snakes", "foreground", "Kass, Witkin & Terzopoulos, IJCV 1(4), 1988", (_BOX,)),
    Method("chan_vese", "classical.chan_vese", "foreground", "Chan & Vese, IEEE Trans. Image Processing 10(2), 2001", (_BOX,)),
    Method("geodesic_contours", "classical.geodesic_contours", "foreground",
           "Marquez-Neila, Baumela & Alvarez, IEEE TPAMI 36(1), 2014; Caselles, Kimmel & Sapiro, IJCV 22, 1997", (_BOX,)),
    # texture
    Method("gabor", "classical.gabor", "regions", "Jain & Farrokhnia, Pattern Recognition 24(12), 1991"),
    Method("lbp", "classical.lbp", "regions", "Ojala, Pietikäinen & Mäenpää, IEEE TPAMI 24(7), 2002"),
    Method("glcm", "classical.glcm", "regions", "Haralick, Shanmugam & Dinstein, IEEE Trans. SMC 3(6), 1973"),
    # clustering and classification
    Method("kmeans", "classical.kmeans", "regions", "Lloyd, IEEE Trans. Information Theory 28(2), 1982"),
    Method("fuzzy_cmeans", "classical.fuzzy_cmeans", "regions", "Bezdek, Ehrlich & Full, Computers & Geosciences 10, 1984"),
    Method("gaussian_mixture", "classical.gaussian_mixture", "regions", "Dempster, Laird & Rubin, J. R. Stat. Soc. B 39(1), 1977"),
    Method("mean_shift", "classical.mean_shift", "regions", "Comaniciu & Meer, IEEE TPAMI 24(5), 2002"),
    Method("spectral", "classical.spectral", "regions", "Ng, Jordan & Weiss, NIPS 2001"),
    Method("pixel_forest", "classical.pixel_forest", "regions", "Berg et al. (ilastik), Nature Methods 16, 2019; Breiman, 2001",
           _SEEDS, needs_prompt=True),
    Method("cluster_classify", "classical.cluster_classify", "regions",
           "Duda, Hart & Stork, Pattern Classification, 2001, ch. 10", _SEEDS, needs_prompt=True),
    # superpixels
    Method("slic", "superpixels.slic", "superpixels", "Achanta et al., IEEE TPAMI 34(11), 2012"),
    Method("slico", "superpixels.slic", "superpixels", "Achanta et al., IEEE TPAMI 34(11), 2012 (zero-parameter version)"),
    Method("felzenszwalb", "superpixels.felzenszwalb", "regions", "Felzenszwalb & Huttenlocher, IJCV 59(2), 2004"),
    Method("quickshift", "superpixels.quickshift", "superpixels", "Vedaldi & Soatto, ECCV 2008"),
    Method("turbopixels", "superpixels.turbopixels", "superpixels", "Levinshtein et al., IEEE TPAMI 31(12), 2009"),
    Method("graph_cut_a", "superpixels.graph_cut_superpixels", "superpixels",
           "Veksler, Boykov & Mehrani, ECCV 2010 (compact superpixels)"),
    Method("graph_cut_b", "superpixels.graph_cut_superpixels", "superpixels",
           "Veksler, Boykov & Mehrani, ECCV 2010 (constant-intensity superpixels)"),
    Method("normalized_cut_superpixels", "superpixels.normalized_cut", "superpixels", "Ren & Malik, ICCV 2003"),
    Method("ers", "superpixels.ers", "superpixels", "Liu et al., Entropy Rate Superpixel Segmentation, CVPR 2011"),
    Method("seeds", "superpixels.seeds", "superpixels", "Van den Bergh et al., SEEDS, ECCV 2012"),
    Method("watershed_superpixels", "superpixels.watershed", "superpixels",
           "Neubert & Protzel, Compact Watershed, ICPR 2014; Machairas et al., IEEE TIP 24(11), 2015"),
    # graphs
    Method("normalized_cut", "graph.normalized_cut", "regions", "Shi & Malik, IEEE TPAMI 22(8), 2000"),
    Method("random_walker", "graph.random_walker", "regions", "Grady, IEEE TPAMI 28(11), 2006", _SEEDS, needs_prompt=True),
    Method("region_merging", "graph.region_merging", "regions",
           "Arbeláez, CVPR Workshops 2006 (ultrametric maps); Haris et al., IEEE TIP 7(12), 1998", tree="merging_hierarchy"),
    Method("alpha_expansion", "graph.alpha_expansion", "regions", "Boykov, Veksler & Zabih, IEEE TPAMI 23(11), 2001", _SEEDS),
    Method("dense_crf", "graph.dense_crf", "regions", "Krähenbühl & Koltun, NIPS 2011", _ALL),
    # interactive
    Method("graph_cut", "interactive.graph_cut", "foreground", "Boykov & Jolly, ICCV 2001", _ALL, needs_prompt=True),
    Method("grabcut", "interactive.grabcut", "foreground", "Rother, Kolmogorov & Blake, SIGGRAPH 2004", _ALL),
    Method("geodesic", "interactive.geodesic", "foreground", "Bai & Sapiro, IJCV 82(2), 2009", _ALL, needs_prompt=True),
    Method("clicks", "interactive.clicks", "foreground", "Maire et al., region clicks on superpixels; Ning et al., Pattern Recognition 43(2), 2010",
           _SEEDS, needs_prompt=True),
)  # fmt: skip

METHODS: dict[str, Method] = {row.name: row for row in _ROWS}
TASKS = (*dict.fromkeys(row.task for row in _ROWS), "semantic", "instance")


def rows() -> list[Method]:
    """The methods, then the embedded models, of this build."""
    from .inference.models import embedded

    models = embedded()
    here = {model.name for model in models}
    methods = [row for row in METHODS.values() if not row.embedded or row.name in here]
    return [*methods, *(NetworkMethod.of(model) for model in models if model.name not in METHODS)]


def default() -> tuple[str, str]:
    """The default method of this build, and what is to be said of it ("" but for a build without models)."""
    from .inference.models import embedded

    if any(model.name == DEFAULT for model in embedded()):
        return DEFAULT, ""
    return WITHOUT_MODELS, (
        f"this build of kontur was made without models, so {WITHOUT_MODELS} takes the place of {DEFAULT}. "
        "Install a full build for outlines of things"
    )


def get(name: str) -> Method:
    """The row of a name: a method, an embedded model, an .onnx file, the folder of a training run, or hf:NAME_OR_FOLDER.

    UnknownName suggests the nearest names.
    """
    if name in METHODS:
        return METHODS[name]
    if name.startswith("hf:"):
        return HubMethod.of(name)
    from .inference.models import find

    model = find(name)
    if model is None:
        raise UnknownName("method", name, [row.name for row in rows()])
    return NetworkMethod.of(model)
