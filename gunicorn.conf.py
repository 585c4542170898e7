"""How gunicorn serves Trustivide; it reads this file by itself.

The application is made once and then forked, so that the processes share its memory. What
must not be shared, connections, each process opens anew. Addresses and the number of
processes are the operator's, on the command line or in WEB_CONCURRENCY.
"""

import gc
from typing import Any

worker_class = "gthread"
threads = 8
control_socket_disable = True
preload_app = True


def when_ready(server: Any) -> None:
    """What every process needs is made once; then the collector leaves it alone.

    It writes on what it looks through, and what is written is no longer shared.
    """
    from trustivide.core.db import db
    from trustivide.workshops import finding

    with server.app.wsgi().app_context():
        finding.make_ready(db.session())
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """A connection belongs to the process that opened it."""
    from trustivide.core.db import db
    from trustivide.rights.ledger import ledger

    with server.app.wsgi().app_context():
        db.engine.dispose(close=False)
    ledger().engine.dispose(close=False)
