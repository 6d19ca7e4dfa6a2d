"""The one table of methods: name -> where it lives, what it does, what it takes, where it was published."""

from __future__ import annotations

import importlib
import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .core.errors import MissingExtra, OptionError, PromptError, UnknownName
from .core.image import Image, as_image
from .core.method import NOTHING_MORE, Outcome, Want, accepted_prompts, no_mask, stamped
from .core.options import OptionSpec, checked_options, options_of

if TYPE_CHECKING:
    from .core.instances import Instances
    from .core.prompts import Prompts
    from .core.segmentation import Segmentation
    from .hub.reference import HubModel
    from .inference.models import Model

DEFAULT = "contours"
"""The method of `kontur segment photo.jpg`."""
WITHOUT_MODELS = "felzenszwalb"
"""The same of a build without embedded models."""
CUT = ("level", "regions")
"""The options that choose regions of a hierarchy that is there already."""


@dataclass(frozen=True)
class Method:
    """One row. task: foreground, regions, superpixels, semantic, instance or panoptic. prompts: what it can be told.

    needs_prompt: it does nothing without one. extra: the optional dependency it needs, or "". tree: the function of the
    module that makes the hierarchy it cuts, where it cuts one; its options are those of the method but `CUT`.
    """

    name: str
    module: str
    task: str
    paper: str
    prompts: tuple[str, ...] = ()
    needs_prompt: bool = False
    extra: str = ""
    tree: str = ""

    def run(
        self,
        image: Image | NDArray,
        prompts: Prompts | None = None,
        options: Mapping[str, Any] = MappingProxyType({}),
        want: Want = NOTHING_MORE,
    ) -> Outcome:
        """Cut an image. want: what else is asked for, of `gives`. Raises a KonturError."""
        self._check(prompts, want)
        function = self.load()
        if "hierarchy" not in want:
            return Outcome(function(image, prompts, **options) if self.prompts else function(image, **options))
        picture = as_image(image)
        values = checked_options(self.name, self.options, dict(options))
        started = time.perf_counter()
        tree = _imported(self.module, self.tree)(picture, **{k: v for k, v in values.items() if k not in CUT})
        result = tree.cut(values["level"], values["regions"])
        return self._told(Outcome(result, tree), picture, values, started)

    def _check(self, prompts: Prompts | None, want: Want) -> None:
        self.check_prompts(prompts.kinds if prompts is not None else ())
        for name in want:
            if name not in self.gives:
                raise OptionError(
                    f"want: expected of {', '.join(sorted(self.gives)) or 'nothing'}, as {self.name} gives, got {name}"
                )

    def _told(self, outcome: Outcome, image: Image, values: dict[str, Any], started: float) -> Outcome:
        """The outcome with the provenance of its parts."""
        result: Any = stamped(outcome.result, self.name, image, values, time.perf_counter() - started)
        tree = outcome.hierarchy
        if tree is not None:
            whole = {name: value for name, value in values.items() if name not in CUT}
            tree = replace(tree, provenance=replace(result.provenance, options=whole))
        return replace(outcome, result=result, hierarchy=tree)

    @property
    def gives(self) -> Want:
        """What `run` can be asked for beside the result."""
        return frozenset({"hierarchy"}) if self.tree else NOTHING_MORE

    def load(self) -> Callable[..., Any]:
        """Import the module and return the function."""
        try:
            return _imported(self.module, self.name)
        except ModuleNotFoundError as error:
            if self.extra and not str(error.name).startswith("kontur"):
                raise MissingExtra(f"method {self.name!r}", self.extra) from None
            raise

    @property
    def document(self) -> str:
        """What it does, in words."""
        return inspect.getdoc(self.load()) or ""

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
class PredictorMethod(Method, ABC):
    """A row whose work a predictor does: a network, in a file or of the hub."""

    def run(
        self,
        image: Image | NDArray,
        prompts: Prompts | None = None,
        options: Mapping[str, Any] = MappingProxyType({}),
        want: Want = NOTHING_MORE,
    ) -> Outcome:
        from .inference import notice

        self._check(prompts, want)
        picture = as_image(image)
        if options.get("mask") is not None:
            raise no_mask(self.name)
        values = checked_options(self.name, self.options, dict(options))
        given = accepted_prompts(self.name, prompts, picture, bool(self.prompts), self.needs_prompt)
        started = time.perf_counter()
        predictor = self.predictor(values)
        notice.tell(self.name, predictor.notice)
        return self._told(predictor.run(picture, given, want), picture, values, started)

    @abstractmethod
    def predictor(self, options: Mapping[str, Any]) -> Any:
        """The predictor of these options, of which any may be left out."""

    @abstractmethod
    def predictor_class(self) -> Any:
        """Its class, whose constructor has the options."""

    @property
    def options(self) -> tuple[OptionSpec, ...]:
        """Those of every network of its kind; neither file nor weights are read."""
        return options_of(self.predictor_class().__init__)

    def load(self) -> Callable[..., Any]:
        """`run` as a plain function of the method's name: image[, prompts], options -> result."""

        def function(image: Image | NDArray, *marks: Prompts, **options: Any) -> Segmentation | Instances:
            return self.run(image, marks[0] if marks else None, options).result

        function.__name__, function.__doc__ = self.name, self.document
        return function


@dataclass(frozen=True)
class NetworkMethod(PredictorMethod):
    """A row that is a network file: an embedded model, or one that was named by its path.

    model: None of an embedded one that this build may be without.
    """

    model: Model | None = None
    kind: str = "boundary"

    @classmethod
    def of(cls, model: Model) -> NetworkMethod:
        from .inference.models import kind_of

        kind = kind_of(model.task)
        tree = "run" if model.task == "boundary" else ""
        paper = f"network file {model.path.name}"
        return cls(model.name, f"inference.{kind.module}", kind.task, paper, tree=tree, model=model, kind=model.task)

    @property
    def network(self) -> Model:
        """The file. Raises NoModels where this build was made without it."""
        from .inference.models import named

        return self.model or named(self.name)

    @property
    def gives(self) -> Want:
        return frozenset({"probabilities"}) if self.task == "semantic" else super().gives

    def predictor(self, options: Mapping[str, Any]) -> Any:
        """The file, opened. Raises a KonturError where it is no such network."""
        from .inference.models import predictor_of

        return predictor_of(self.network, dict(options))

    def predictor_class(self) -> Any:
        from .inference.models import kind_of

        return kind_of(self.kind).predictor

    @property
    def document(self) -> str:
        from .inference.models import document

        return document(self.model) if self.model is not None else inspect.getdoc(self.predictor_class()) or ""


@dataclass(frozen=True)
class HubMethod(PredictorMethod):
    """A row that is a model of transformers, named `hf:NAME_OR_FOLDER`; the weights are read at its first image."""

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

    def predictor(self, options: Mapping[str, Any]) -> Any:
        return self.predictor_class()(self.hub_model, **options)

    def predictor_class(self) -> Any:
        from .hub.method import predictor_class

        return predictor_class(self.hub_model)

    @property
    def document(self) -> str:
        from .hub.method import document

        return document(self.hub_model)


def _imported(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"kontur.{module}"), name)


_BOX, _POINT, _SCRIBBLES = "box", "point", "scribbles"
_SEEDS = (_POINT, _SCRIBBLES)
_ALL = (_BOX, _POINT, _SCRIBBLES)

_ROWS = (
    # outlines by a network
    NetworkMethod("contours", "inference.contours", "regions",
                  "Arbeláez et al., IEEE TPAMI 33(5), 2011; Xie & Tu (HED), ICCV 2015; network trained by this project", tree="run"),
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
    methods = [row for row in METHODS.values() if not isinstance(row, NetworkMethod) or row.name in here]
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
