/** What the desk's JSON API answers, and what the page's modules hand each other, for the type check alone. */

interface Account {
  address: string;
  name: string;
}

interface Person extends Account {
  me: boolean;
}

interface Start {
  addon: string;
  accounts: Account[];
  scopes: string[];
  compose_actions: string[];
  universal_actions: { label: string; link: string }[];
  open_link_prefixes: string[];
  http_origins: string[];
}

interface Label {
  id: string;
  name: string;
  system: boolean;
  background?: string;
  threads: number;
  unread_threads: number;
}

/** A mail in a list; received in milliseconds since 1970. */
interface Message {
  id: string;
  from: Person;
  received_at: number;
  unread: boolean;
  draft: boolean;
  snippet: string;
}

/** A mail in an open conversation. */
interface WholeMessage extends Message {
  to: Person[];
  cc: Person[];
  html: boolean;
  text: string;
  clipped: boolean;
  remote_images: boolean;
  attachments: { part: string; name: string; size: number }[];
}

interface ThreadOf<AMessage> {
  id: string;
  subject: string;
  labels: string[];
  unread: boolean;
  starred: boolean;
  messages: AMessage[];
}

interface Listed extends ThreadOf<Message> {
  snippet: string;
  received_at: number;
  has_attachment: boolean;
  sent_to: Person[][];
}

type Conversation = ThreadOf<WholeMessage>;

/** A conversation in a list or an open one: what can be done is the same. */
type Thread = ThreadOf<Message>;

/** A page of a list; `next` is "" on the last. */
interface List {
  threads: Listed[];
  next: string;
}

/** What is open, as the address bar has it; what is not there is "". */
interface Route {
  account: string;
  label: string;
  q: string;
  thread: string;
  page: string;
}

/** A button in what is said at the foot of the page, and what it does. */
interface Action {
  words: string;
  act: () => unknown;
}

/** What the job answered to a run or a dry run, or why it did not. */
interface JobResult {
  dry: boolean;
  looked_at: number;
  remaining: number;
  units: number;
  crm_calls: number;
  sorted: Record<string, number>;
  /** The labels' names by category, the highest first. */
  labels: Record<string, string>;
  moves?: Move[];
}

interface Told {
  result?: JobResult;
  problem?: string;
}

interface Run extends Told {
  number: number;
  at: string;
  by_clock: boolean;
}

interface SortedMail {
  mail_id: string;
  thread_id: string;
  subject: string;
  from_name: string;
  from_address: string;
}

interface Move extends SortedMail {
  category: string;
  because: string;
  won: boolean;
  closing: string | null;
  in_inbox: boolean;
}

interface Moved extends SortedMail {
  label: string;
  left_inbox: boolean;
}

/** What the add-on is asked, and what came of it. */
interface AddonReply {
  answer?: any;
  problem?: string;
  seconds: number;
}

/** What the panel asks of whoever shows it; panel.js says each. */
interface PanelActs {
  name: string;
  ask: (question: any) => Promise<AddonReply>;
  grant: (scopes: string[]) => Promise<unknown>;
  check: (answer: any, to?: string) => Promise<string[]>;
  changeDraft: (action: any) => Promise<string[]>;
  universal?: { label: string; link: string }[];
  scopes?: string[];
  openLinks?: { prefixes: string[]; httpOrigins: string[] } | null;
  leadsTo?: (link: string) => string;
}
