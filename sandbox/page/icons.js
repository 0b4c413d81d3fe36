/** Icons as inline SVG, drawn for this page on a grid of 24: names of Material Symbols and Google's known icons lead to a drawing. */

const DRAWINGS = {
  account: "M4 20V6l8-3v17M12 9h8v11M4 20h17M7 9h2M7 13h2M7 17h2M15 13h2M15 17h2",
  add: "M12 5v14M5 12h14",
  archive: "M4 8h16v12H4zM3 4h18v4H3zM9 12h6",
  attach: "M8 12.5l6-6a3 3 0 0 1 4.5 4.2l-7.6 7.8a5 5 0 0 1-7.2-7l7-7.2",
  back: "M19 12H5M11 6l-6 6 6 6",
  bookmark: "M7 4h10v16l-5-4-5 4z",
  calendar: "M5 6h14v14H5zM5 10h14M9 3v5M15 3v5",
  chart: "M5 20V11M12 20V5M19 20v-6M3 20h18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checkCircle: "M12 3a9 9 0 1 0 .01 0M8 12.3l2.8 2.8 5.2-5.5",
  chevronDown: "M6 9l6 6 6-6",
  chevronRight: "M9 6l6 6-6 6",
  chevronUp: "M6 15l6-6 6 6",
  clock: "M12 3a9 9 0 1 0 .01 0M12 7.5V12l3 2.2",
  close: "M6 6l12 12M18 6L6 18",
  cloud: "M7 19a4.5 4.5 0 0 1-.4-9A6 6 0 0 1 18 9.6a4.7 4.7 0 0 1-.5 9.4z",
  delete: "M6 8l1 12h10l1-12M4 6h16M9 6V4h6v2M10 11v6M14 11v6",
  dollar: "M12 3v18M16.5 7.5c-1-1.6-2.6-2-4.5-2-2.5 0-4.5 1-4.5 3.2 0 4.6 9.3 2 9.3 6.6 0 2.3-2.1 3.2-4.8 3.2-2.1 0-4-.6-5-2.3",
  draft: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  edit: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  error: "M12 3a9 9 0 1 0 .01 0M12 7.5v5.5M12 16v.5",
  external: "M13 5h6v6M19 5l-9 9M17 14v5H5V7h5",
  group: "M9 5a3 3 0 1 0 .01 0M3.5 19c.2-4 2.5-5.8 5.5-5.8s5.3 1.8 5.5 5.8zM15.5 6a2.5 2.5 0 1 1 0 5M16.5 13.5c2.4.2 4 2 4.2 5.5h-3.5",
  help: "M12 3a9 9 0 1 0 .01 0M9.5 9.5c0-3.5 5-3.3 5-.4 0 2.2-2.5 2-2.5 4.4M12 16.5v.5",
  home: "M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 8.5h.01",
  inbox: "M4 5h16v14H4zM4 13h4.5l1.5 2.5h4l1.5-2.5H20",
  info: "M12 3a9 9 0 1 0 .01 0M12 11v5.5M12 7.5V8",
  label: "M4 6h11l5 6-5 6H4z",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  mail: "M3 6h18v13H3zM3 7l9 7 9-7",
  mailOpen: "M3 10l9-7 9 7v10H3zM3 10.5l9 6 9-6",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M12 5.2a.6.6 0 1 0 .01 0M12 11.4a.6.6 0 1 0 .01 0M12 17.6a.6.6 0 1 0 .01 0",
  moveToInbox: "M4 5h16v14H4zM4 14h4.5l1.5 2h4l1.5-2H20M12 7v6M9.5 10.5L12 13l2.5-2.5",
  note: "M5 4h14v11l-5 5H5zM14 20v-5h5M8 9h8M8 13h4",
  panel: "M4 5h16v14H4zM14 5v14",
  person: "M12 4.5a3.8 3.8 0 1 0 .01 0M4.5 20c.3-4.8 3.3-6.5 7.5-6.5s7.2 1.7 7.5 6.5z",
  personAdd: "M10 5a3.5 3.5 0 1 0 .01 0M3 20c.3-4.5 3-6.2 7-6.2 2 0 3.7.4 5 1.5M18 14v6M15 17h6",
  phone: "M6 4h4l1.5 5-2.5 1.7a11 11 0 0 0 4.3 4.3L15 12.5l5 1.5v4c0 1.2-.8 2-2 2A14 14 0 0 1 4 6c0-1.2.8-2 2-2z",
  place: "M12 3a6.5 6.5 0 0 1 6.5 6.5c0 4.5-6.5 11.5-6.5 11.5S5.5 14 5.5 9.5A6.5 6.5 0 0 1 12 3zM12 7.5a2 2 0 1 0 .01 0",
  play: "M7 5l12 7-12 7z",
  preview: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9a3 3 0 1 0 .01 0",
  refresh: "M19 12a7 7 0 1 1-2-5M19 3v5h-5",
  reply: "M10 6l-6 5 6 5M4 11h9c4 0 6.5 2 7 7",
  search: "M10.5 4a6.5 6.5 0 1 0 .01 0M15.5 15.5L21 21",
  send: "M3 4l18 8-18 8 3-8zM6 12h9",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  sort: "M5 6h14M5 12h9M5 18h5",
  spam: "M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 7.5v5.5M12 16v.5",
  star: "M12 3.5l2.6 5.5 6 .8-4.4 4.2 1.1 6L12 17l-5.3 3 1.1-6L3.4 9.8l6-.8z",
  store: "M4 9l1.5-5h13L20 9M4 9c0 3 4 3 4 0 0 3 4 3 4 0 0 3 4 3 4 0 0 3 4 3 4 0M5.5 12v8h13v-8M10 20v-5h4v5",
  sync: "M5 11a7 7 0 0 1 12-4M19 13a7 7 0 0 1-12 4M17 3v4h-4M7 21v-4h4",
  task: "M5 4h14v16H5zM8.5 12.2l2.3 2.3 4.7-5",
  trending: "M3 17l6-6 4 4 8-9M15 6h6v6",
  trophy: "M8 4h8v6a4 4 0 0 1-8 0zM8 6H4c0 3 1.5 5 4 5M16 6h4c0 3-1.5 5-4 5M12 14v4M8.5 20h7",
  video: "M4 7h11v10H4zM15 11l5-3v8l-5-3",
  visibilityOff: "M4 4l16 16M7 7.5C4 9.5 2.5 12 2.5 12S6 18.5 12 18.5c1.6 0 3-.4 4.2-1M10 5.7a9 9 0 0 1 2-.2c6 0 9.5 6.5 9.5 6.5s-.8 1.5-2.3 3",
  warning: "M12 4l9.5 16h-19zM12 10v5M12 17.5v.3",
  work: "M4 8h16v12H4zM9 8V5h6v3M4 13h16",
  dot: "M12 9.5a2.5 2.5 0 1 0 .01 0",
};

/** Material Symbols (https://fonts.google.com/icons) that are drawn here under another name. */
const MATERIAL = {
  account_balance: "account", apartment: "account", business: "account", corporate_fare: "account", domain: "account",
  account_circle: "person", badge: "person", contact_page: "person", face: "person", person_outline: "person",
  add_circle: "add", note_add: "note", add_comment: "note", post_add: "note", person_add: "personAdd",
  arrow_back: "back", arrow_forward: "chevronRight", chevron_right: "chevronRight", arrow_forward_ios: "chevronRight",
  navigate_next: "chevronRight", arrow_right: "chevronRight", expand_more: "chevronDown", expand_less: "chevronUp",
  keyboard_arrow_down: "chevronDown", keyboard_arrow_up: "chevronUp", arrow_drop_down: "chevronDown",
  attach_file: "attach", attachment: "attach", alternate_email: "mail", email: "mail", mail: "mail", drafts: "mailOpen",
  mark_email_read: "mailOpen", mark_email_unread: "mail", forward_to_inbox: "moveToInbox", contact_mail: "mail",
  bar_chart: "chart", analytics: "chart", monitoring: "trending", trending_up: "trending", leaderboard: "chart",
  calendar_today: "calendar", calendar_month: "calendar", event: "calendar", today: "calendar", event_available: "calendar",
  event_busy: "calendar", event_upcoming: "calendar", date_range: "calendar",
  call: "phone", call_made: "phone", phone_in_talk: "phone", smartphone: "phone", video_call: "video", videocam: "video",
  cancel: "close", clear: "close", check_circle: "checkCircle", task_alt: "checkCircle", verified: "checkCircle", done: "check",
  cloud_off: "cloud", description: "draft", article: "draft", draft: "draft",
  assignment: "task", checklist: "task", task: "task", add_task: "task",
  error_outline: "error", priority_high: "error", report: "error",
  groups: "group", group: "group", people: "group", diversity_3: "group", handshake: "work", business_center: "work",
  history: "clock", schedule: "clock", timer: "clock", timer_off: "clock", access_time: "clock", hourglass_empty: "clock",
  key: "lock", lock_open: "lock", vpn_key: "lock", open_in_new: "external", launch: "external",
  paid: "dollar", attach_money: "dollar", payments: "dollar", monetization_on: "dollar", sell: "label", euro: "dollar",
  label_important: "label", new_label: "label", location_on: "place", map: "place",
  more_vert: "more", more_horiz: "more", notes: "note", sticky_note_2: "note", comment: "note", chat: "note",
  edit_note: "edit", remove_red_eye: "preview", visibility: "preview", visibility_off: "visibilityOff",
  emoji_events: "trophy", workspace_premium: "trophy", celebration: "trophy", military_tech: "trophy",
  sync_problem: "sync", autorenew: "sync", tune: "settings", format_list_bulleted: "list", unsubscribe: "mail",
  storefront: "store", shopping_cart: "store", wb_cloudy: "cloud", report_problem: "warning", smart_toy: "settings",
  robot: "settings", person_search: "search", help_outline: "help", contact_support: "help", question_mark: "help",
  campaign: "info", forum: "group", person_off: "person", no_accounts: "person", move_to_inbox: "moveToInbox", flag: "label",
};

/** Google's known icons (https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#Icon) as drawn here. */
const KNOWN = {
  AIRPLANE: "send", BOOKMARK: "bookmark", BUS: "place", CAR: "place", CLOCK: "clock", CONFIRMATION_NUMBER_ICON: "label",
  DESCRIPTION: "draft", DOLLAR: "dollar", EMAIL: "mail", EVENT_PERFORMER: "person", EVENT_SEAT: "place", FLIGHT_ARRIVAL: "send",
  FLIGHT_DEPARTURE: "send", HOTEL: "account", HOTEL_ROOM_TYPE: "account", INVITE: "calendar", MAP_PIN: "place",
  MEMBERSHIP: "label", MULTIPLE_PEOPLE: "group", PERSON: "person", PHONE: "phone", RESTAURANT_ICON: "store",
  SHOPPING_CART: "store", STAR: "star", STORE: "store", TICKET: "label", TRAIN: "place", VIDEO_CAMERA: "video", VIDEO_PLAY: "play",
};

/** One of this page's own icons, without words for screen readers: the button around it has them. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", DRAWINGS[name] ?? DRAWINGS.dot);
  svg.append(path);
  return svg;
}

/** A Material Symbol by Google's name; one that is not drawn here is a dot. */
export const materialIcon = (name) => icon(name in DRAWINGS ? name : (MATERIAL[name] ?? "dot"));

/** One of Google's known icons, or null when there is none of that name. */
export const knownIcon = (name) => (name in KNOWN ? icon(KNOWN[name]) : null);
