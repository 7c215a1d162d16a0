"""No text reaches a widget of the interface except through `matcher/tui/plain.py`: every module is read as a tree.

1. Outside `plain.py` nobody makes a `Content` or a `Text`, and nobody turns markup on.
2. What shows text (SINKS, SHOWN) is handed a constant of the program, or the answer of a function whose annotation
   says that it gives `Content` or `Text`, or a name that holds nothing else.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import matcher.tui

FOLDER = Path(matcher.tui.__file__).parent
MADE = frozenset({"Content", "Text"})
# what is called -> the arguments that it shows, by place and by name
SINKS: dict[str, tuple[tuple[int, ...], frozenset[str]]] = {
    "Static": ((0,), frozenset({"content", "renderable"})),
    "Label": ((0,), frozenset({"content", "renderable"})),
    "Button": ((0,), frozenset({"label", "tooltip"})),
    "Option": ((0,), frozenset({"prompt"})),
    "Input": ((0, 1), frozenset({"value", "placeholder", "tooltip"})),
    "SystemCommand": ((0, 1), frozenset({"title", "help"})),
    "update": ((0,), frozenset({"content", "renderable"})),
    "notify": ((0,), frozenset({"message", "title"})),
    "put": ((1,), frozenset({"content"})),
    "add_column": ((0,), frozenset({"label"})),
    "add_row": ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), frozenset({"label"})),
    "update_cell": ((2,), frozenset({"value"})),
    "add_option": ((0,), frozenset()),
    "add_options": ((0,), frozenset()),
}
SHOWN = frozenset({"border_title", "border_subtitle", "sub_title", "title", "tooltip", "placeholder", "label"})
FORBIDDEN = frozenset({"from_markup", "from_text", "from_rich_text", "print", "RichLog", "Markdown", "Log", "write"})


def functions_that_give(sources: dict[str, ast.Module]) -> frozenset[str]:
    """Names of functions of the interface that are annotated to give Content or Text."""
    return frozenset(
        node.name
        for tree in sources.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and annotated(node.returns)
    )


def annotated(note: ast.expr | None) -> bool:
    return note is not None and ast.unparse(note).strip("\"'") in {*MADE, "Part"}


def name_of(call: ast.Call) -> str:
    called = call.func.value if isinstance(call.func, ast.Subscript) else call.func
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


class Reader:
    """One module: `faults` says where text goes around `plain.py`."""

    def __init__(self, tree: ast.Module, safe: frozenset[str]) -> None:
        self.tree, self.safe = tree, safe
        self.constants = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant | ast.Tuple | ast.Dict)
        }

    def faults(self) -> Iterator[str]:
        scopes = [one for one in ast.walk(self.tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
        owner = {id(node): scope for scope in scopes for node in ast.walk(scope)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield from self._call(node, owner.get(id(node)))
            elif isinstance(node, ast.Assign | ast.AugAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Attribute) and target.attr in SHOWN:
                        yield from self._check(node.value, owner.get(id(node)), f".{target.attr} =")

    def _call(self, call: ast.Call, scope: ast.AST | None) -> Iterator[str]:
        name = name_of(call)
        made = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
        if name in MADE or name in FORBIDDEN or (made and ast.unparse(call.func).split(".")[0] in MADE):
            yield f"line {call.lineno}: {ast.unparse(call.func)} is for plain.py"
        if any(word.arg == "markup" and ast.unparse(word.value) != "False" for word in call.keywords):
            yield f"line {call.lineno}: markup"
        places, words = SINKS.get(name, ((), frozenset()))
        for place, argument in enumerate(call.args):
            if place in places or (places and isinstance(argument, ast.Starred)):
                yield from self._check(argument, scope, name)
        for word in call.keywords:
            if word.arg in words:
                yield from self._check(word.value, scope, name)

    def _check(self, value: ast.expr, scope: ast.AST | None, where: str) -> Iterator[str]:
        if not self._harmless(value, scope, 4):
            yield f"line {value.lineno}: {where} is handed {ast.unparse(value)}"

    def _harmless(self, value: ast.expr, scope: ast.AST | None, depth: int) -> bool:
        def again(one: ast.expr) -> bool:
            return depth > 0 and self._harmless(one, scope, depth - 1)

        harmless = isinstance(value, ast.Constant)
        match value:
            case ast.Call():
                harmless = name_of(value) in self.safe or name_of(value) == "Option"  # itself a sink
            case ast.IfExp():
                harmless = again(value.body) and again(value.orelse)
            case ast.Starred():
                harmless = again(value.value)
            case ast.GeneratorExp() | ast.ListComp():
                harmless = again(value.elt)
            case ast.List() | ast.Tuple():
                harmless = all(again(one) for one in value.elts)
            case ast.Attribute():
                harmless = isinstance(value.value, ast.Name) and value.value.id == "self" and value.attr.isupper()
            case ast.Name():
                harmless = value.id in self.constants or self._holds_only_content(value.id, scope, again)
        return harmless

    def _holds_only_content(self, name: str, scope: ast.AST | None, again: object) -> bool:
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) or not callable(again):
            return False
        given = [one for one in (*scope.args.args, *scope.args.kwonlyargs) if one.arg == name]
        if given:
            return annotated(given[0].annotation)
        found = []
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                found.append(again(node.value))
            elif isinstance(node, ast.Assign) and any(name in names_in(target) for target in node.targets):
                found.append(isinstance(node.value, ast.GeneratorExp) and again(node.value))
            elif isinstance(node, ast.For | ast.comprehension) and name in names_in(node.target):
                found.append(False)
        return bool(found) and all(found)


def names_in(target: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}


def modules() -> dict[str, ast.Module]:
    paths = sorted(FOLDER.rglob("*.py"))
    return {str(path.relative_to(FOLDER)): ast.parse(path.read_text("utf-8")) for path in paths}


# The screens' text; line mode's one mouth, whose `say` is tested with hostile names; what writes pictures and headers.
TEXT_IS_MADE_SAFE_IN = frozenset({"plain.py", "line/talk.py", "line/viewer.py", "browser/server.py"})


def test_no_module_shows_text_that_did_not_go_through_plain() -> None:
    found = modules()
    safe = functions_that_give(found) | {"bare"}
    assert {"plain", "prose", "joined", "cell", "page", "bar_left"} <= safe
    assert len(found) > 20
    wrong = [
        f"{name}, {fault}"
        for name, tree in found.items()
        if name not in TEXT_IS_MADE_SAFE_IN
        for fault in Reader(tree, safe).faults()
    ]
    assert not wrong, "\n".join(wrong)


HELPERS = frozenset({"plain", "prose", "joined", "cell"})


@pytest.mark.parametrize(
    "code",
    [
        "yield Static(name)",
        "yield Static(f'{name} waits')",
        "yield Static('list ' + name)",
        "yield Static(str(name))",
        "yield Static(content=entry.name)",
        "yield Label(name.upper())",
        "yield Button(name)",
        "yield Input(placeholder=name)",
        "yield Input(value=name)",
        "self.query_one('#x', Static).update(line.case)",
        "self.query_one('#x', Static).update(plain(name) if safe else name)",
        "self.app.notify(name)",
        "self.app.notify('fine', title=name)",
        "self.app.notify('fine', markup=True)",
        "self.put('#x', name)",
        "table.add_row(plain(name), name)",
        "table.add_row(*(name for name in names))",
        "table.add_row(*names)",
        "table.add_column(name)",
        "names.add_options([Option(name)])",
        "self.border_title = name",
        "self.query_one('#x').border_subtitle = f'{name}'",
        "yield Static(Content(name))",
        "yield Static(Content.styled(name, 'bold'))",
        "yield Static(Content.from_markup(name))",
        "yield Static(Text.assemble(name))",
        "yield Static(Text(name))",
        "shown = name\n    yield Static(shown)",
        "shown = plain(name)\n    shown = name\n    yield Static(shown)",
        "for shown in names:\n        yield Static(shown)",
        "yield SystemCommand(name, 'x', call)",
        "print(name)",
    ],
)
def test_the_reader_finds_a_bare_string(code: str) -> None:
    tree = ast.parse(f"def body(self, name: str, names: list[str], table):\n    {code}\n")
    assert list(Reader(tree, HELPERS).faults())


@pytest.mark.parametrize(
    "code",
    [
        "yield Static('constant')",
        "yield Static(id='x')",
        "yield Static(plain(name))",
        "yield Static(joined(('a', 'bold'), plain(name)))",
        "shown = prose(name)\n    yield Static(shown)",
        "self.query_one('#x', Static).update(plain(name) if name else prose('nobody'))",
        "table.add_row(*(cell(name) for name in names))",
        "yield Static(content)",
        "self.app.notify('Done', markup=False)",
    ],
)
def test_the_reader_lets_harmless_text_through(code: str) -> None:
    tree = ast.parse(f"def body(self, name: str, names: list[str], table, content: Content):\n    {code}\n")
    assert not list(Reader(tree, HELPERS).faults())
