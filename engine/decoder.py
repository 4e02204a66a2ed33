"""ffmpeg on a stranger's file: in a process with narrow limits, which knows nothing of this one's environment."""

from __future__ import annotations

import signal
import subprocess

MEMORY = 2 * 1024**3  # bytes that the process may ask for
# The limits are set by the shell that becomes ffmpeg: python's own way runs code between fork and exec, where a
# program with threads may hang. No file may be written, so what is decoded comes through the pipe.
LIMITED = 'ulimit -t "$0" && ulimit -v {memory} && ulimit -f 0 && ulimit -c 0 && exec "$@"'


class TooLongError(Exception):
    """The file takes more processor time than it may."""


def decode(*arguments: str, seconds: int, loglevel: str = "quiet") -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg for at most so many seconds of processor time, and twice as many of the clock's."""
    import imageio_ffmpeg

    program = (imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", loglevel, "-threads", "1")
    command = ["/bin/sh", "-c", LIMITED.format(memory=MEMORY // 1024), str(seconds), *program, *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=2 * seconds, env={}
        )
    except subprocess.TimeoutExpired:
        raise TooLongError from None
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise TooLongError
    return done
