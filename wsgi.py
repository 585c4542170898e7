"""Entry point for gunicorn and for ``flask --app wsgi``."""

from trustivide import create_app

app = create_app()
app.extensions["usage"].write_in_background()
