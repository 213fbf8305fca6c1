import ast

import pytest

from harness.source.code import digest
from harness.source.syntax import canonical, without_docstrings

# Every construct whose tree or text has differed between versions of Python.
SAMPLE = '''
"""Words."""
import a.b as c
from . import d
X: int = 1_000
def f(a, /, b: "int" = 1, *args, c=2, **rest) -> list[int]:
    """Words."""
    with open("x") as g, h: pass
    try:
        yield from (x for x in y if x)
    except* E as e:
        raise e from None
    match a:
        case {"k": [1, *_], **more} | None: return f"{a!r:>{b}} {c=}" f"{d}" "end"
    return lambda: (a[1:2, ...], a[(1, 2)], b"x", 1e3, -0.0, 2j, "ä\\u200b", not a)
class G(F, metaclass=M):
    x, y = *z, 1
    async def h(self): return [await i async for i in self if (n := i)]
'''


def said(text: str) -> str:
    tree = ast.parse(text)
    without_docstrings(tree)
    return canonical(tree)


def test_the_text_of_a_tree_is_the_same_under_every_python() -> None:
    # Recorded under 3.11, and the same under 3.12 and 3.13.
    assert digest(said(SAMPLE)) == "910b21754fe2b49a"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1000.0", "x=(1e3) # words"),
        ("def f():\n    'Words.'\n    return 1", "def f():\n\n    return 1"),
        ("f('a', b)", 'f(\n    "a",\n    b,\n)'),
        ("x = 'ab'", "x = 'a' 'b'"),
    ],
)
def test_spelling_says_nothing(one: str, other: str) -> None:
    assert said(one) == said(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = True"),
        ("x = 1", "x = 1.0"),
        ("x = 'a'", "x = b'a'"),
        ("x = None", "x = ..."),
        ("return_ = 1", "return_: int = 1"),
        ("def f(a=None): ...", "def f(a): ..."),
        ("def f(*, a=None, b): ...", "def f(*, a, b=None): ..."),
        ("{**a}", "{None: a}"),
        ("f('')", "f()"),
        ("f'{a}'", "f'{a!r}'"),
        ("f'{a}'", "f'{a:>1}'"),
        ("x = a - b", "x = b - a"),
        ("if a: b", "while a: b"),
    ],
)
def test_what_is_said_differs(one: str, other: str) -> None:
    assert said(one) != said(other)
