"""Pure rules of the post office: no ORM, no clock, no I/O."""
