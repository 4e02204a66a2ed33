"""Open the studio: read settings, build services, launch."""

from __future__ import annotations

import atexit
import os
import socket
import sys

BAD_INPUT = 2


def main() -> int:
    """Serve until stopped; 2 with one sentence when the settings, the folder or the port won't do."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from studio.settings import read_settings

    try:
        settings = read_settings()
        _free(settings.host, settings.port)
        from studio.services import Studio

        studio = Studio(settings)
        atexit.register(studio.close)
        studio.start()
        os.environ["GRADIO_TEMP_DIR"] = str(studio.received)
        from studio.ui.server import serve

        serve(studio)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    return 0


def _free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise ValueError(f"REELBOARD_PORT is {port}, which is in use; try REELBOARD_PORT={port + 1}") from None


if __name__ == "__main__":
    sys.exit(main())
