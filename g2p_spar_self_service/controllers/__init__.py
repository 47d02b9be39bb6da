from . import portal
from . import change
