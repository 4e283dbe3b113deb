"""`python -m tests.elasticsearch [--heap-mb 512] [--port 0] [--folder DIR]`: one node by hand.

Prints its address and runs until Ctrl-C or until its standard input ends. With a folder the
data stay there; without one they vanish.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.elasticsearch.node import ElasticNode, NodeUnavailable, temporary_node


def main() -> int:
    arguments = _arguments()
    try:
        if arguments.folder is None:
            with temporary_node(port=arguments.port, heap_mb=arguments.heap_mb) as node:
                _serve(node)
        else:
            node = ElasticNode(arguments.folder, port=arguments.port, heap_mb=arguments.heap_mb)
            node.start()
            try:
                _serve(node)
            finally:
                node.stop()
    except NodeUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.elasticsearch")
    parser.add_argument("--heap-mb", type=int, default=512)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def _serve(node: ElasticNode) -> None:
    print(f"Elasticsearch {node.version} {node.url}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    sys.exit(main())
