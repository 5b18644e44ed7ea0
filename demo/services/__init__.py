"""Writes: the customers' mailboxes (mailbox), and the world they live in (world and the files beside)."""
