from django.urls import path

from profiles.api.tracking import TrackingView
from profiles.rules.tracking import ALIAS, GROUP, IDENTIFY, PAGE, SCREEN, TRACK

# The short forms are those of the library for browsers.
_SHORT = {IDENTIFY: "i", TRACK: "t", PAGE: "p", SCREEN: "s", ALIAS: "a", GROUP: "g"}

urlpatterns = [
    *(
        path(kind, TrackingView.as_view(kind=kind), name=f"tracking-{kind}")
        for kind in sorted(_SHORT)
    ),
    *(
        path(short, TrackingView.as_view(kind=kind), name=f"tracking-{short}")
        for kind, short in sorted(_SHORT.items())
    ),
    # Libraries for servers and older ones for phones say "import" and mean the same.
    *(
        path(batch, TrackingView.as_view(), name=f"tracking-{batch}")
        for batch in ("batch", "b", "import")
    ),
]
