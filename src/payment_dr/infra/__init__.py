"""The infrastructure: constructs and stacks, the function package, and what applies them.

The bindings start a Node process when they are imported. It comes from PyPI with them, so that a
machine without Node is enough; which one to start is said in the environment before that.
"""

from payment_dr.infra.node import choose_node

choose_node()
