"""Labels never overlap each other or the points, and stay in the frame."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.compare.placement import Box, Point, nearest, place_labels, spread

FRAME = Box(0, 0, 400, 300)


def overlap(a: Box, b: Box) -> bool:
    return a.left < b.right and a.right > b.left and a.bottom < b.top and a.top > b.bottom


def mark(point: Point) -> Box:
    return Box(point.x - 3, point.y - 3, point.x + 3, point.y + 3)


POINTS = st.lists(st.builds(Point, st.floats(0, 400), st.floats(0, 300)), max_size=15)


@settings(max_examples=50, deadline=None)
@given(POINTS, st.floats(10, 120))
def test_nothing_is_covered(points: list[Point], width: float) -> None:
    marks = [mark(point) for point in points]
    places = place_labels(points, [(width, 10)] * len(points), FRAME, marks, [], gap=5)
    boxes = [box for box in places if box is not None]
    assert len(places) == len(points)
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert not any(overlap(box, each) for box in boxes for each in marks)
    for box in boxes:
        assert min(box.left, box.bottom, 400 - box.right, 300 - box.top) >= 0


def test_a_lone_label_stands_right_of_its_point() -> None:
    point = Point(100, 100)
    assert place_labels([point], [(50, 10)], FRAME, [mark(point)], [], gap=5) == [Box(105, 95, 155, 105)]


def test_a_label_at_the_right_edge_stands_left_of_its_point() -> None:
    (box,) = place_labels([Point(390, 100)], [(50, 10)], FRAME, [], [], gap=5)
    assert box is not None
    assert box.right == 385


def test_a_line_is_avoided_where_there_is_room_and_covered_where_there_is_none() -> None:
    point, right = Point(100, 100), Box(104, 99, 400, 101)
    (box,) = place_labels([point], [(50, 10)], FRAME, [], [right], gap=5)
    assert box is not None
    assert not overlap(box, right)
    (box,) = place_labels([point], [(50, 10)], FRAME, [], [FRAME], gap=5)
    assert box == Box(105, 95, 155, 105)


def test_a_label_without_room_is_left_out() -> None:
    assert place_labels([Point(5, 5)], [(50, 10)], Box(0, 0, 40, 40), [], [], gap=5) == [None]
    assert place_labels([Point(200, 150)], [(50, 10)], FRAME, [FRAME], [], gap=5) == [None]


def test_no_points_need_no_labels() -> None:
    assert place_labels([], [], FRAME, [], [], gap=5) == []


def test_a_leader_ends_where_the_label_is_nearest() -> None:
    box = Box(10, 10, 20, 20)
    assert nearest(Point(0, 15), box) == (10, 15)
    assert nearest(Point(30, 30), box) == (20, 20)
    assert nearest(Point(12, 13), box) == (12, 13)


@given(st.lists(st.floats(-50, 550), max_size=20))
def test_heights_are_spread_in_their_order_and_within_bounds(heights: list[float]) -> None:
    found = spread(heights, 20, 0, 500)
    there = [found[i] for i in sorted(range(len(heights)), key=heights.__getitem__)]
    assert all(later - earlier >= 20 - 1e-6 for earlier, later in itertools.pairwise(there))
    assert all(-1e-6 <= each <= 500 + 1e-6 for each in there)


@given(st.lists(st.integers(-2, 12), min_size=1, max_size=3).map(sorted))
def test_no_other_places_are_nearer(heights: list[int]) -> None:
    def distance(places: Sequence[float]) -> float:
        return sum((place - height) ** 2 for place, height in zip(places, heights, strict=True))

    nearest_of_all = distance(spread(heights, 3, 0, 10))
    for places in itertools.product([step / 2 for step in range(21)], repeat=len(heights)):
        if all(later - earlier >= 3 for earlier, later in itertools.pairwise(places)):
            assert distance(places) >= nearest_of_all - 1e-9


def test_heights_that_would_touch_move_alike_to_both_sides() -> None:
    assert spread([100, 100, 300], 20, 0, 500) == [90, 110, 300]
    assert spread([495, 500], 20, 0, 500) == [480, 500]
    assert spread([], 20, 0, 500) == []
