"""Work that a server does not take for now is brought again when it says so: on a machine that has others to
do as well it takes none for some seconds. What bounds the test bounds this too."""

import time
import urllib.error
import urllib.request

from bounded import PATIENCE


def opened(request):
    """The answer to a request, as `urllib.request.urlopen` gives it."""
    while True:
        try:
            return urllib.request.urlopen(request, timeout=PATIENCE)
        except urllib.error.HTTPError as refusal:
            after = refusal.headers.get("retry-after")
            if refusal.code != 503 or after is None:
                raise
            refusal.close()
        time.sleep(float(after))
