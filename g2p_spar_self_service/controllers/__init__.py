from . import portal
from . import change
from . import contact
