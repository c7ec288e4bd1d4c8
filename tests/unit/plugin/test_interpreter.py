from __future__ import annotations

import gc
import threading
import weakref

from orthanc_plugins.plugin.interpreter import as_callback


def test_a_callback_does_what_its_function_does() -> None:
    def total(first: int, *, second: int) -> int:
        return first + second

    assert as_callback(total)(1, second=2) == 3


def test_a_callback_is_never_freed() -> None:
    callback = as_callback(int)
    held = weakref.ref(callback)
    del callback
    gc.collect()
    assert held() is not None


def test_many_calls_on_many_threads_end_well() -> None:
    seen: list[int] = []
    callback = as_callback(seen.append)
    threads = [threading.Thread(target=lambda: [callback(number) for number in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(8 * list(range(50)))
