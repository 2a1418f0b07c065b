"""Public: every name that `import envoy` gives, loaded when the first of them is used.

`envoy/__init__.pyi` says the same to type checkers.

Specification: docs/sdk.md; docs/reference/sdk.md.
"""

from envoy.errors import AuthorityError as AuthorityError
from envoy.errors import ConflictError as ConflictError
from envoy.errors import EnvoyError as EnvoyError
from envoy.errors import IntegrityError as IntegrityError
from envoy.errors import InternalError as InternalError
from envoy.errors import NeedsHumanError as NeedsHumanError
from envoy.errors import NotFoundError as NotFoundError
from envoy.errors import RelayError as RelayError
from envoy.errors import UsageError as UsageError
from envoy.errors import WaitTimeoutError as WaitTimeoutError
from envoy.sdk.acts import Transition as Transition
from envoy.sdk.client import Client as Client
from envoy.sdk.client import Spaces as Spaces
from envoy.sdk.client import open_client
from envoy.sdk.drafts import Capsule as Capsule
from envoy.sdk.drafts import Gate as Gate
from envoy.sdk.drafts import NewTask as NewTask
from envoy.sdk.drafts import Said as Said
from envoy.sdk.drafts import TaskEdit as TaskEdit
from envoy.sdk.errors import AlreadyClaimedError as AlreadyClaimedError
from envoy.sdk.errors import GateError as GateError
from envoy.sdk.errors import VersionConflictError as VersionConflictError
from envoy.sdk.given import Named as Named
from envoy.sdk.given import Ref as Ref
from envoy.sdk.given import Span as Span
from envoy.sdk.judging import Handoffs as Handoffs
from envoy.sdk.judging import Reviews as Reviews
from envoy.sdk.people import Actor as Actor
from envoy.sdk.people import Decision as Decision
from envoy.sdk.people import Explanation as Explanation
from envoy.sdk.people import Grant as Grant
from envoy.sdk.people import Holder as Holder
from envoy.sdk.people import Member as Member
from envoy.sdk.people import Permissions as Permissions
from envoy.sdk.proofs import Checked as Checked
from envoy.sdk.proofs import Handoff as Handoff
from envoy.sdk.proofs import Record as Record
from envoy.sdk.proofs import Review as Review
from envoy.sdk.proofs import Stored as Stored
from envoy.sdk.proofs import Verdict as Verdict
from envoy.sdk.records import NewRecord as NewRecord
from envoy.sdk.records import Objects as Objects
from envoy.sdk.records import Records as Records
from envoy.sdk.shapes import Acked as Acked
from envoy.sdk.shapes import Inbox as Inbox
from envoy.sdk.shapes import InboxItem as InboxItem
from envoy.sdk.shapes import Invite as Invite
from envoy.sdk.shapes import Line as Line
from envoy.sdk.shapes import Sent as Sent
from envoy.sdk.shapes import SpaceInfo as SpaceInfo
from envoy.sdk.shapes import Status as Status
from envoy.sdk.shapes import WorkRecord as WorkRecord
from envoy.sdk.space import Space as Space
from envoy.sdk.streams import Event as Event
from envoy.sdk.streams import Events as Events
from envoy.sdk.tasks import Task as Task
from envoy.sdk.tasks import Tasks as Tasks
from envoy.sdk.tasks import Work as Work
from envoy.sdk.types import EventId as EventId
from envoy.sdk.types import InviteId as InviteId
from envoy.sdk.types import MemberId as MemberId
from envoy.sdk.types import ObjectId as ObjectId
from envoy.sdk.types import RecordId as RecordId
from envoy.sdk.types import SpaceId as SpaceId
from envoy.sdk.types import TaskId as TaskId
from envoy.sdk.types import Untrusted as Untrusted

open = open_client
