"""The settings of a project: `[tool.jaxcheck]` in its pyproject.toml."""

from dataclasses import dataclass, field

from .findings import Severity

DIMENSIONS = (
    "batch", "b", "seq_len", "seq", "d_model", "d_head", "d_ff", "d_in", "d_out", "height", "h",
    "width", "w", "channels", "c", "num_gpu", "n_gpu", "batch_per_gpu", "num_heads", "vocab_size",
    "max_seq_len", "num_layers", "num_classes", "kh", "kw", "c_in", "c_out",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project says about itself. The defaults are the conventions'.

    In `pyproject.toml` a name is spelt with hyphens: `mesh-axes`.

    Attributes:
        paths: What to check where the command line names nothing, from the root; empty for the
            current folder.
        select: Selectors of the rules to run: the profiles `bugs` (mistakes in any JAX code; the
            default) and `conventions` (all rules), codes, names, items such as `JX5`, `ALL`.
        ignore: Selectors of rules to leave out.
        per_file_ignores: Selectors to leave out, by glob pattern of the path.
        exclude: Glob patterns of paths not to check.
        severity: The severity of rules, by selector.
        dimensions: Dimension names of the project, besides the conventions' own.
        mesh_axes: The names of the mesh axes, in order.
        critical_functions: Functions, by name or dotted name, whose shapes must be asserted.
        numerics_modules: Glob patterns of the modules in which every sensitive operation must be
            guarded or checked.
        gradient_norm_helpers: Functions of the project, by name or dotted name, that compute or
            check gradient norms.
        finite_check_helpers: Functions of the project, by name or dotted name, that check for
            NaN and infinity.
        shape_assertion_helpers: Functions of the project that assert shapes.
        contraction_modules: Glob patterns of modules that may contract without einsum, such as
            kernels.
        half_parameter_modules: Glob patterns of modules whose parameters may be stored in half
            precision or as integers, such as adapters or quantised layers.
        jaxtyping_satisfies_shapes: Whether a jaxtyping signature, checked at run time by the
            import hook, counts as shape assertion for item 12.
        baseline: The baseline file, from the root; if empty, `jaxcheck-baseline.json`, where it
            exists.
    """

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] = ("bugs",)
    ignore: tuple[str, ...] = ()
    per_file_ignores: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    severity: dict[str, Severity] = field(default_factory=dict)
    dimensions: tuple[str, ...] = ()
    mesh_axes: tuple[str, ...] = ("model", "data")
    critical_functions: tuple[str, ...] = ()
    numerics_modules: tuple[str, ...] = ()
    gradient_norm_helpers: tuple[str, ...] = ()
    finite_check_helpers: tuple[str, ...] = ()
    shape_assertion_helpers: tuple[str, ...] = ()
    contraction_modules: tuple[str, ...] = ()
    half_parameter_modules: tuple[str, ...] = ()
    jaxtyping_satisfies_shapes: bool = False
    baseline: str = ""

    @property
    def vocabulary(self) -> frozenset[str]:
        """Every dimension name that the project knows."""
        return frozenset(DIMENSIONS) | frozenset(self.dimensions)
