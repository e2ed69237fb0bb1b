"""Heaps of requests that know where in a heap each request is, so that any can be taken out.

A heap is a column: its size, then requests. What it is sorted `by` are three columns of State.of:
the key, a second key that settles ties, and where a request's place in the heap is kept.
"""

from __future__ import annotations

from finops.engine.compiled.jit import compiled
from finops.engine.workload import Column

By = tuple[int, int, int]


@compiled
def push(heap: Column, of: Column, i: int, by: By) -> None:
    """Let request `i` in."""
    heap[0] += 1
    rise(heap, of, i, heap[0], by)


@compiled
def remove(heap: Column, of: Column, i: int, by: By) -> None:
    """Take request `i` out, wherever in the heap it is; its keys are still those it came with."""
    last = heap[heap[0]]
    heap[0] -= 1
    if last != i:
        at = sink(heap, of, last, of[i, by[2]], by)
        rise(heap, of, last, at, by)


@compiled
def rise(heap: Column, of: Column, i: int, at: int, by: By) -> None:
    """Put `i` at `at` or above it, where what is over it comes before it."""
    while at > 1 and precedes(of, i, heap[at // 2], by):
        heap[at] = heap[at // 2]
        of[heap[at], by[2]] = at
        at //= 2
    heap[at] = i
    of[i, by[2]] = at


@compiled
def sink(heap: Column, of: Column, i: int, at: int, by: By) -> int:
    """Make a place for `i` at `at` or below it, where what is under it comes after it."""
    size = heap[0]
    while 2 * at <= size:
        child = 2 * at
        if child < size and precedes(of, heap[child + 1], heap[child], by):
            child += 1
        if not precedes(of, heap[child], i, by):
            break
        heap[at] = heap[child]
        of[heap[at], by[2]] = at
        at = child
    return at


@compiled
def precedes(of: Column, one: int, other: int, by: By) -> bool:
    """Whether `one` comes before `other`."""
    key = by[1] if of[one, by[0]] == of[other, by[0]] else by[0]
    return bool(of[one, key] < of[other, key])
