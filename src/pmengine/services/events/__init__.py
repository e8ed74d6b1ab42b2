"""Events as people read them: kept beside the engine, told to everybody."""

from pmengine.services.events.announcing import API_MQ_STREAM as API_MQ_STREAM
from pmengine.services.events.announcing import Announcer as Announcer
from pmengine.services.events.catalogue import Catalogue as Catalogue
from pmengine.services.events.catalogue import TitledEvent as TitledEvent
from pmengine.services.events.catalogue import Topic as Topic
from pmengine.services.events.desk import Done as Done
from pmengine.services.events.desk import EventDesk as EventDesk
from pmengine.services.events.desk import Send as Send
from pmengine.services.events.desk import Unfinished as Unfinished
from pmengine.services.events.finishing import Finisher as Finisher
from pmengine.services.events.intake import EVENT_STREAM as EVENT_STREAM
from pmengine.services.events.intake import GROUP as GROUP
from pmengine.services.events.intake import Intake as Intake
from pmengine.services.events.keeping import CATALOGUE_STREAM as CATALOGUE_STREAM
from pmengine.services.events.keeping import KeptCatalogue as KeptCatalogue
from pmengine.services.events.records import EventDrafted as EventDrafted
from pmengine.services.events.requests import EventClose as EventClose
from pmengine.services.events.requests import EventCreate as EventCreate
from pmengine.services.events.rules import Declined as Declined
