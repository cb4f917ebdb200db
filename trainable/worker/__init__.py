"""A trial as a worker of Ray's: what it imports comes after this line, as `settle` has it of programs."""

from common.surroundings.garbage import look_seldom

look_seldom()
