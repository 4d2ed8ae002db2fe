"""Item 9: mesh axes swapped or misspelt."""

import ast
from collections.abc import Iterator

from ..mutants import Change, Source, operator

WRONG = {"data": "dta", "model": "modle"}
MESHES = ("jax.make_mesh", "jax.sharding.Mesh")
COLLECTIVES = {
    f"jax.lax.{name}"
    for name in (
        "psum", "pmean", "pmax", "pmin", "all_gather", "psum_scatter", "axis_index", "ppermute",
        "all_to_all", "axis_size",
    )
}  # fmt: skip


def _is_axis(source: Source, node: ast.Constant) -> bool:
    """Whether a node is a string that names a mesh axis, by where it stands."""
    inside = source.module.ancestors(node)
    if node.value not in WRONG or any(isinstance(up, ast.JoinedStr) for up in inside):
        return False  # the quotes inside an f-string are not ours to choose
    for up in source.module.ancestors(node):
        if isinstance(up, ast.Call):
            name = source.module.resolve(up.func) or ""
            if name == "jax.sharding.PartitionSpec" or name in COLLECTIVES:
                return True
            if name not in ("builtins.tuple", "builtins.dict"):
                return False
        elif isinstance(up, ast.Subscript):
            return source.text(up.value).endswith("mesh.shape") and up.slice is node
        elif isinstance(up, ast.Dict):
            values = [each for each in up.values if each is not node]
            axes = [each.value if isinstance(each, ast.Constant) else "" for each in values]
            return (
                node in up.values
                and all(axis in WRONG for axis in axes)
                and "RULES" in _name(source, up)
            )
        elif isinstance(up, ast.stmt):
            return False
    return False


def _name(source: Source, node: ast.AST) -> str:
    statement = source.module.parent(node)
    return source.text(statement.targets[0]) if isinstance(statement, ast.Assign) else ""


@operator(9, "mesh-axes-swapped")
def swapped(source: Source) -> Iterator[Change]:
    """``("model", "data")`` becomes ``("data", "model")``."""
    assert source.module.project is not None
    axes = source.module.project.settings.mesh_axes
    for node in source.module.nodes(ast.Tuple):
        if source.module.literal(node) == axes and all(
            isinstance(each, ast.Constant) for each in node.elts
        ):
            up = source.module.parent(node)
            call = source.module.resolve(up.func) if isinstance(up, ast.Call) else ""
            # An array's dimension may lie over both axes in any order; a mesh has only one.
            if isinstance(up, ast.Assign | ast.keyword) or call in MESHES:
                yield source.replaced(node, '("data", "model")')


@operator(9, "axis-misspelt")
def misspelt(source: Source) -> Iterator[Change]:
    """``PartitionSpec("data")`` becomes ``PartitionSpec("dta")``."""
    for node in source.module.nodes(ast.Constant):
        if _is_axis(source, node):
            yield source.replaced(node, f'"{WRONG[str(node.value)]}"')


@operator(9, "axis-of-another-project")
def foreign(source: Source) -> Iterator[Change]:
    """``PartitionSpec("data")`` becomes ``PartitionSpec("batch")``: an axis that no mesh has."""
    for node in source.module.nodes(ast.Constant):
        if _is_axis(source, node):
            yield source.replaced(node, '"batch"' if node.value == "data" else '"tensor"')
