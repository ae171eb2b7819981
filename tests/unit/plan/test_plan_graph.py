from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animatic.errors import UsageError
from animatic.plan.select import cycles, longest, ordered, reachable, select

CHAIN = {"dawn": (), "surf": ("dawn",), "still": (), "noir": ("surf", "still")}
IDS = {key: key for key in CHAIN}


def test_order_follows_the_storyboard_where_dependencies_allow() -> None:
    assert ordered({"last": ("first",), "middle": (), "first": ()}) == ("middle", "first", "last")


def test_a_chain_of_thousands_is_no_problem() -> None:
    edges = {f"s{n}": (f"s{n - 1}",) if n else () for n in range(50_000)}
    assert len(ordered(edges)) == 50_000
    assert longest(edges, lambda _: 1.0)[1] == 50_000
    assert len(reachable(["s49999"], edges)) == 50_000
    looped = {**edges, "s0": ("s49999",)}
    assert len(cycles(looped)[0]) == 50_000


def test_cycles_are_found_once_and_not_what_hangs_on_them() -> None:
    assert cycles({"a": ("c",), "b": ("a",), "c": ("b",), "d": ("c",), "e": ("e2",), "e2": ("e",)}) == (("a", "c", "b"), ("e", "e2"))
    assert cycles(CHAIN) == ()


def test_the_longest_chain_weighs_steps() -> None:
    chain, weight = longest(CHAIN, lambda key: 10.0 if key == "still" else 1.0)
    assert (chain, weight) == (("still", "noir"), 11.0)
    assert longest({}, lambda _: 1.0) == ((), 0.0)


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        ("surf", {"surf"}),
        ("surf+", {"surf", "noir"}),
        ("+surf", {"surf", "dawn"}),
        ("+surf+", {"surf", "dawn", "noir"}),
        ("dawn, still", {"dawn", "still"}),
        ("s*", {"surf", "still"}),
    ],
)
def test_selection_by_graph_operators(selection: str, keys: set[str]) -> None:
    assert select(selection, CHAIN, IDS) == keys


def test_an_id_selects_all_variants_and_a_key_one() -> None:
    edges = {"en/spin": (), "de/spin": (), "de/close": ("de/spin",)}
    shots = {"en/spin": "spin", "de/spin": "spin", "de/close": "close"}
    assert select("spin", edges, shots) == {"en/spin", "de/spin"}
    assert select("de/spin+", edges, shots) == {"de/spin", "de/close"}
    assert select("de/*", edges, shots) == {"de/spin", "de/close"}


@pytest.mark.parametrize(
    ("selection", "hint"), [("srf", "did you mean surf"), ("nothing-like-it", "there are dawn"), (" , ", "name a shot")]
)
def test_a_selection_of_nothing_names_the_nearest(selection: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(selection, CHAIN, IDS)
    assert hint in str(caught.value.hint)


@given(st.data())
def test_order_puts_every_node_after_what_it_needs(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 12))
    nodes = [f"n{index}" for index in range(count)]
    edges = {node: data.draw(st.lists(st.sampled_from(nodes[:index]), unique=True)) if index else [] for index, node in enumerate(nodes)}
    shuffled = {node: edges[node] for node in data.draw(st.permutations(nodes))}
    order = ordered(shuffled)
    assert sorted(order) == sorted(nodes)
    place = {node: index for index, node in enumerate(order)}
    assert all(place[need] < place[node] for node, needs in edges.items() for need in needs)
    assert cycles(shuffled) == ()
