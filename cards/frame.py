"""What a card is drawn in: who reads it, when, which call it answers, and where its buttons lead; the closed lists of paths and pages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from cards.widgets import OnClick, open_overlay, run
from cards.words import zone_of
from mailmagnet.identity import Locale


class Path(StrEnum):
    """What the sidebar's triggers and clicks call, and the parameters each takes."""

    HOME = "/home"
    MESSAGE = "/message"  # message_id with IN_PLACE, else none: the event says which mail is open
    PERSON = "/person"  # place: the person's among those of the open mail
    DEALS_AND_SEARCH = "/deals-and-search"
    CONTACT = "/contact"  # id
    LEAD = "/lead"  # id
    ACCOUNT = "/account"  # id
    DEAL = "/deal"  # id
    SEARCH = "/search"  # form input SEARCH_INPUT
    MAIL_WITH = "/mail-with"  # module, id; older
    MAIL = "/mail"  # module, id, owner, mail
    SHARE_CONTACT = "/share-contact"  # module, id, change
    SHARE_MAIL = "/share-mail"  # module, id, owner, mail, change
    MY_SHARING = "/my-sharing"
    WHO_COULD_READ = "/who-could-read"  # module and id, or neither; owner; sharing
    ADMIN = "/admin"
    PEOPLE = "/people"  # after, since
    DEFAULTS = "/defaults"
    DEFAULTS_OF = "/defaults-of"  # profile
    DEFAULTS_EFFECT = "/defaults-effect"  # profile; form inputs DEFAULTS_MAILMAGNET, ..._LABELLING, ..._DAYS, ..._SHARING
    SAVE_DEFAULTS = "/save-defaults"  # the same
    REMOVE_DEFAULTS = "/remove-defaults"  # profile
    TAKE_BACK = "/take-back"  # hours, for what is asked about
    TAKE_BACK_ALL = "/take-back-all"  # hours
    CUSTOMER_ADDRESS = "/customer-address"
    CUSTOMER_ADDRESS_KEPT = "/customer-address-kept"  # form input CUSTOMER_ADDRESS
    REMOVE_CUSTOMER_ADDRESS = "/remove-customer-address"  # the same
    USER = "/user"  # user
    REMOVE_USER = "/remove-user"  # user
    ORGANISATION = "/organisation"
    REMOVE_ORGANISATION = "/remove-organisation"  # form input ORGANISATION_TYPED
    CRM = "/crm"
    CRM_EFFECT = "/crm-effect"  # form inputs CRM_KIND, CRM_ORIGIN
    SAVE_CRM = "/save-crm"  # the same
    CRM_USERS = "/crm-users"  # after
    LET_IN = "/let-in"  # after; form input CRM_LET_IN
    CRM_PERSON = "/crm-person"  # user
    MAP_PERSON = "/map-person"  # user; form input CRM_ADDRESS
    LET_OUT = "/let-out"  # user
    SAVE_SEES = "/save-sees"  # form input CRM_SEES
    DISCONNECT_ACCOUNT = "/disconnect-account"
    PAUSE = "/pause"
    PAUSE_ALL = "/pause-all"
    RESUME_ALL = "/resume-all"
    POLICY = "/policy"
    POLICY_EFFECT = "/policy-effect"  # form inputs POLICY_SHARING, POLICY_EXCLUDED, POLICY_RETENTION
    SAVE_POLICY = "/save-policy"  # the same
    SET_UP = "/set-up"
    SAVE_SET_UP = "/save-set-up"  # the form of the set-up card; confirmed
    COUNT_MAIL = "/count-mail"  # the same form
    CUSTOMERS_MAIL = "/customers-mail"  # skip
    MARK_READ = "/mark-read"  # id, skip
    MARK_UNREAD = "/mark-unread"  # id, skip
    SORTED_TODAY = "/sorted-today"
    PREVIEW_SORTING = "/preview-sorting"
    SORT_NOW = "/sort-now"
    COMPOSE = "/compose"  # form input SEARCH_INPUT
    TEMPLATE = "/template"  # id
    INSERT = "/insert"  # id; subject
    INSERT_FIELD = "/insert-field"  # field
    ADD_RECIPIENT = "/add-recipient"  # module, id
    WRITE = "/write"  # module, id
    REPLY = "/reply"  # module, id; message_id with IN_PLACE
    FILL_IN = "/fill-in"  # draft, module, id; reply; the form of a mail
    SAVE_MAIL = "/save-mail"  # the same
    SEND_MAIL = "/send-mail"  # the same
    DISCARD_MAIL = "/discard-mail"  # draft
    KEPT = "/kept"
    DEACTIVATE = "/deactivate"
    DEACTIVATED = "/deactivated"


class Page(StrEnum):
    """Our own web pages, which open over Gmail in a window of their own, and the ids each takes."""

    CONNECT = "/connect"  # grant
    SIGN_IN = "/sign-in"
    CRM_ACCOUNT = "/crm-account"
    RECORD = "/record"  # module, id; older, zone
    RECORD_MAIL = "/record-mail"  # module, id, owner, mail; zone
    ATTACHMENT = "/attachment"  # module, id, owner, mail, part; zone
    EXPORT = "/export"
    ADMIN_EXPORT = "/admin-export"
    WEBHOOK = "/webhook"


PageUrl = Callable[[Page, Mapping[str, str]], str]
"""The URL of a page about these ids, signed for the card's reader and for a short while."""

ZONE = "zone"
"""The parameter with the reader's IANA time zone: to a page no browser tells it."""

IN_PLACE = "in_place"
"""The parameter, IN_PLACE_YES, with which a click of any path wants its answer in place of the card clicked in."""
IN_PLACE_YES = "1"

SEARCH_INPUT = "words"
"""The name of the search field in the form inputs of an event."""
MAIL_TO, MAIL_FROM, MAIL_SUBJECT, MAIL_TEXT, MAIL_TEMPLATE = "mail_to", "mail_from", "mail_subject", "mail_text", "mail_template"
"""The fields of a mail that is being written."""
REPLY_YES = "1"
"""The parameter "reply" of a mail that answers one."""
POLICY_SHARING, POLICY_EXCLUDED, POLICY_RETENTION = "policy_sharing", "policy_excluded", "policy_retention"
"""The fields of the admin's policy."""
DEFAULTS_MAILMAGNET, DEFAULTS_LABELLING = "defaults_mailmagnet", "defaults_labelling"
DEFAULTS_DAYS, DEFAULTS_SHARING = "defaults_days", "defaults_sharing"
"""The fields of the admin's defaults."""
CRM_KIND, CRM_ORIGIN = "crm_kind", "crm_origin"
"""The fields of the organisation's CRM."""
CRM_LET_IN, CRM_ADDRESS, CRM_SEES = "crm_let_in", "crm_address", "crm_sees"
"""The fields of who may use it, and of what they see."""
CUSTOMER_ADDRESS, ORGANISATION_TYPED = "customer_address", "organisation_typed"
"""The fields of the admin's removals."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`now` is aware; `addon_url` is the public address of the `addon` function, without a slash at its end.

    `path` and `ids` are the call that the card answers, `words` what was typed into the search field of the card clicked in;
    `reference` is that under which the card's problems are in the log, `permitters` are the names of those who can give a permission
    that is missing; `page_url` makes the links to our pages.
    """

    locale: Locale
    now: datetime
    addon_url: str
    path: Path
    page_url: PageUrl = field(repr=False)
    ids: Mapping[str, str] = field(default_factory=dict)
    words: str = ""
    reference: str = ""
    permitters: tuple[str, ...] = ()

    @property
    def today(self) -> date:
        """The reader's own day."""
        return self.now.astimezone(zone_of(self.locale)).date()

    def run(self, path: Path, /, **ids: str) -> OnClick:
        """Call one of our paths."""
        return run(f"{self.addon_url}{path}", **ids)

    @property
    def again(self) -> OnClick:
        """What Retry does: the same call, its answer in place of this card."""
        return self.run(self.path, **{**self.ids, IN_PLACE: IN_PLACE_YES})

    def page(self, page: Page, /, **ids: str) -> OnClick:
        """Open one of our pages over Gmail; when its window is closed, Gmail loads the add-on anew."""
        return open_overlay(self.page_url(page, ids))

    def page_over_form(self, page: Page, /, **ids: str) -> OnClick:
        """The same, from a form: what was typed into it stays."""
        return open_overlay(self.page_url(page, ids), reload=False)
