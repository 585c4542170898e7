"""The product as scanners and stopwatches meet it: whole, but for the limits on tries.

A scanner sends thousands of forms in minutes and would measure the limiter
alone. The product has no setting that lifts its limits, hence this entry point.
It has one page more than the product: the canary.
"""

from scan import canary
from trustivide import create_app
from trustivide.core.errors import BootError
from trustivide.web.limits import limiter

app = create_app()
if app.config["SETTINGS"].production:
    raise BootError("scan.wsgi lifts the limits; it never serves in production")
limiter.enabled = False
app.register_blueprint(canary.bp)
