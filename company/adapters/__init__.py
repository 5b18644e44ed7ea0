"""Where third-party sign-in code asks us: allauth's adapters, the permission backend, the lock-out."""
