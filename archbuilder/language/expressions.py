"""Arithmetic in strings: parsed with a closed grammar and bounded, never evaluated as Python."""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from archbuilder.errors import suggestion
from archbuilder.language.commas import is_open

LARGEST = 10**7
LONGEST = 300

Value = int | float | bool | str | tuple[int, ...]


class ExpressionError(ValueError):
    """An expression that cannot be read or has no usable value; the message says why."""


def fixed(x: float) -> float:
    """Return x; a literal inside is not scaled by `scale.width`."""
    return x


def divisible(x: float, by: int = 8) -> int:
    """Return the multiple of `by` nearest to x, at least `by`, never more than 10% below x.

    Source: Sandler et al. 2018, the authors' published MobileNet code.
    """
    if by < 1:
        raise ExpressionError(f"divisible(x, by) needs by >= 1, not {by}")
    nearest = max(by, int(x + by / 2) // by * by)
    return int(nearest + by if nearest < 0.9 * x else nearest)


def _round(x: float) -> int:
    """Return the nearest whole number, of two equally near ones the even one."""
    # One argument only: round(x, -10**7) would compute a number of ten million digits.
    return round(x)


def _ceil(x: float) -> int:
    """Return the smallest whole number not below x."""
    return math.ceil(x)


def _min(*numbers: float) -> float:
    """Return the smallest of several numbers."""
    return min(*numbers)


def _max(*numbers: float) -> float:
    """Return the largest of several numbers."""
    return max(*numbers)


CONSTANTS: Mapping[str, Value] = {"true": True, "false": False}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "min": _min,
    "max": _max,
    "round": _round,
    "ceil": _ceil,
    "divisible": divisible,
    "fixed": fixed,
}


def _power(base: float, exponent: float) -> Any:
    if abs(exponent) > 64:
        raise ExpressionError(f"the exponent {exponent} is beyond 64")
    return base**exponent


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_WORDS = (ast.Eq, ast.NotEq)


@lru_cache(maxsize=4096)
def parse(text: str) -> ast.expr:
    """Return the syntax tree of an expression; raises ExpressionError where it is no expression."""
    if len(text) > LONGEST:
        raise ExpressionError(f"the expression is longer than {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = "; a ( is not closed: in {...} an expression with a comma needs quotes" if is_open(text) else ""
        raise ExpressionError(f"'{text}' is not an expression{hint}") from None


def evaluate(text: str, names: Mapping[str, Value]) -> Value:
    """Return the value of an expression over `names`.

    Raises ExpressionError for anything but the operators and functions of the language, for an unknown
    name, and for a value that is not finite or beyond 10^7.
    """
    try:
        return _value(parse(text), names)
    except ExpressionError:
        raise
    except ZeroDivisionError:
        raise ExpressionError(f"'{text}' divides by zero") from None
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise ExpressionError(f"'{text}' has no value: {error}") from None


def _value(node: ast.AST, names: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool, str):
        return _bounded(node.value)
    if isinstance(node, ast.Name):
        return _look_up(node.id, names)
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        operands = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.operand]
        return _apply(node.op, [_value(operand, names) for operand in operands])
    if isinstance(node, ast.Compare):
        return _compare(node, names)
    if isinstance(node, ast.BoolOp):
        # `and` and `or` stop early, so that `groups > 1 and out % groups == 0` is safe to write.
        stops_at = isinstance(node.op, ast.Or)
        return next((stops_at for part in node.values if _truth(part, names) is stops_at), not stops_at)
    if isinstance(node, ast.IfExp):
        return _value(node.body if _truth(node.test, names) else node.orelse, names)
    if isinstance(node, ast.Call):
        return _call(node, names)
    raise ExpressionError(
        f"'{ast.unparse(node)}' is not part of the language: use numbers, parameters, "
        f"+ - * / // % **, comparisons, and or not, a if c else b, {' '.join(FUNCTIONS)}"
    )


def _look_up(name: str, names: Mapping[str, Value]) -> Value:
    if name in CONSTANTS:
        return CONSTANTS[name]
    if not names:
        raise ExpressionError(f"'{name}' is not a number")
    if name not in names:
        said = "a model's own layers have it where it says `classes: 10`"
        hint = said if name == "classes" else suggestion(name, names, "defined")
        raise ExpressionError(f"'{name}' is not defined here; {hint}")
    return names[name]


def _truth(node: ast.AST, names: Mapping[str, Value]) -> bool:
    value = _value(node, names)
    if not isinstance(value, bool):
        raise ExpressionError(f"'{ast.unparse(node)}' is {value!r}, not true or false; compare it to something")
    return value


def _apply(op: ast.AST, operands: list[Value]) -> Value:
    if type(op) not in _OPERATORS:
        raise ExpressionError(f"the operator {type(op).__name__} is not part of the language")
    if isinstance(op, ast.Not):
        if not isinstance(operands[0], bool):
            raise ExpressionError(f"'not' needs true or false, not {operands[0]!r}")
        return not operands[0]
    _numbers(operands)
    return _bounded(_OPERATORS[type(op)](*operands))


def _compare(node: ast.Compare, names: Mapping[str, Value]) -> bool:
    left = _value(node.left, names)
    for op, part in zip(node.ops, node.comparators, strict=True):
        right = _value(part, names)
        if type(op) not in _OPERATORS:
            raise ExpressionError(f"the comparison {type(op).__name__} is not part of the language")
        if not isinstance(op, _WORDS):
            _numbers([left, right])
        if not _OPERATORS[type(op)](left, right):
            return False
        left = right
    return True


def _call(node: ast.Call, names: Mapping[str, Value]) -> Value:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in FUNCTIONS:
        raise ExpressionError(f"there is no function '{name}'; {suggestion(name, FUNCTIONS, 'functions')}")
    if node.keywords:
        raise ExpressionError(f"{name}() takes no keyword arguments")
    arguments = [_value(argument, names) for argument in node.args]
    _numbers(arguments)
    return _bounded(FUNCTIONS[name](*arguments))


def _numbers(values: list[Value]) -> None:
    for value in values:
        if isinstance(value, bool | str | tuple):
            raise ExpressionError(f"{value!r} is not a number")


def _bounded(value: Any) -> Value:
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        raise ExpressionError(
            f"the value {value} is beyond {LARGEST:,}" if abs(value) < 10**30 else f"the value is beyond {LARGEST:,}"
        )
    if not isinstance(value, int | float | str):
        raise ExpressionError(f"{value!r} is not a number")
    return value
