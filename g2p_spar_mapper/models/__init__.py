from . import id_type
from . import service_written
from . import mapping
from . import mapping_event
from . import mapper
from . import mapper_demo
from . import client
from . import gateway
