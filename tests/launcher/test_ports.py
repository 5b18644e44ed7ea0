import os
import socket

import pytest

from launcher import ports
from launcher.errors import LauncherError


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_web_port_is_explained_with_its_holder_and_a_way_out(taken_port):
    with pytest.raises(LauncherError) as caught:
        ports.require_free(taken_port)

    assert f"Port {taken_port} is taken by" in str(caught.value)
    assert f"(pid {os.getpid()})" in str(caught.value)
    assert f"PORT={taken_port + 1} make run" in str(caught.value)


def test_a_free_port_is_no_complaint(taken_port):
    free = ports.choose_port()

    ports.require_free(free)


def test_the_remembered_port_is_kept_while_it_is_free(taken_port):
    remembered = ports.choose_port()

    assert ports.choose_port(remembered) == remembered


def test_a_remembered_port_that_is_taken_is_exchanged(taken_port):
    chosen = ports.choose_port(taken_port)

    assert chosen != taken_port
    assert 20_000 <= chosen <= 30_000
