"""Every bound of Envoy in one place, each with its reason.

No read, loop, queue, text or wait is without a bound, and author, peer and hub check with the same
constant, so that nobody refuses what another let through. The unit stands last in the name; `_MAX`
is still allowed, one more is not. A number that stands anywhere else in the code is a mistake, and
so is one here that nothing uses: tests/test_tidy.py asks for it.

The list for readers: docs/reference/limits.md (written from here by `make docs`).
"""

KIB = 1024
MIB = 1024 * KIB
DAY_SECONDS = 24 * 60 * 60

# --- bytes of an event ---
# One relay event, one socket frame.
ENVELOPE_BYTES_MAX = 64 * KIB
# The largest padding bucket that still fits an envelope, its head and its salt.
CIPHERTEXT_BYTES_MAX = 61_440
# What is left of that bucket: signature 64, length 4, tag 16.
INNER_BYTES_MAX = CIPHERTEXT_BYTES_MAX - 84
# More belongs in an object (`message_too_large`).
TEXT_BYTES_MAX = 32 * KIB
# As typed: composing (NFC) makes a text shorter, but never by as much as this.
TYPED_BYTES_MAX = 4 * TEXT_BYTES_MAX
# One line on a screen.
TITLE_BYTES_MAX = 512
NAME_BYTES_MAX = 128
# Merging costs O(heads); an author with more heads merges events first.
DEPS_MAX = 16
BASIS_MAX = 16
# Keys of open-ended fields are words, not data.
OPEN_KEY_BYTES_MAX = 64
KIND_BYTES_MAX = 32
# What one act points at: more belongs into a record of its own.
REFS_MAX = 64
# As many as fit the screen beside a title.
LABELS_MAX = 32
# Answers that a poll offers.
POLL_OPTIONS_MIN = 2
POLL_OPTIONS_MAX = 20
HANDOFF_ITEM_BYTES_MAX = 2_048  # of one risk, question or step: five lists of them fit one event
# A word, not a sentence.
LABEL_BYTES_MAX = 64
# A removal cites a thousand heads, sixteen a merge; what is beyond is held and can be admitted.
MERGES_MAX = 64
# More reviewers than that are a vote, which a gate is not.
REVIEWS_MAX = 100
# 0 is the most urgent; five steps are all that people keep apart.
PRIORITY_MAX = 4
# Signed 64 bit: what SQLite, PostgreSQL and every language of a peer can hold.
INT_MAX = 2**63 - 1

# --- members and epochs ---
# The public default. Authors and hubs keep it; it is no rule of validity.
MEMBERS_MAX = 200
# Members, outside readers and open invites of an epoch: as many entries as fit one event.
RECIPIENTS_MAX = 1_000
# Nobody needs a longer chain of delegations, and each link is walked at every check.
DELEGATION_DEPTH_MAX = 10
# More open epochs than this: rotate twice.
WRAP_ENTRIES_MAX = 64
EPOCH_HEAD_BYTES_MAX = 12 * KIB
# An X-Wing key of 1,216 bytes, the ids beside it, a signature.
KEYS_STATEMENT_BYTES_MAX = 2 * KIB
# A card with every label in full length, the statement, two signatures, a third more as text.
CARD_SYMBOLS_MAX = 10 * KIB
# A writer rotates for its own new encryption key once a day, else it could rotate without end.
KEYS_SECONDS_MIN = DAY_SECONDS
# A box stands at the hub before the first event it opens; what is not there by now is missing.
KEY_WAIT_SECONDS = 60
# Who has no answer asks again, but who invents epochs makes nobody write all day.
KEY_REQUEST_AGAIN_SECONDS = 60 * 60
# Pairs of reader and epoch that one round of housekeeping seals; the next one goes on.
KEY_ANSWERS_MAX = 256
# What a leaked epoch key opens is bounded: an admin's client leaves an epoch after either.
EPOCH_SECONDS_MAX = 30 * DAY_SECONDS
EPOCH_EVENTS_MAX = 10_000
# Bogus boxes use up only their poster's own share.
BOXES_PER_TAG_MAX = 4
BOXES_PER_POSTER_MAX = 64
# The poster of an epoch head seals to all: recipients, and some kept back for those who ask.
BOXES_HEAD_POSTER_MAX = 1_100
# A reader tries this many boxes of one tag, then asks a member.
BOXES_TRIED_MAX = 64
# A writer cannot swell the pass over authority: the first by (lam, id) count.
AUTH_EVENTS_PER_GRANT_MAX = 256
# Judgements on ancestries kept at a time: a megabyte each at 10,000 events, most asked in a row.
VIEWS_KEPT_MAX = 8
# A `remove` that undoes more names a member twice.
UNDO_MAX = 256
# Edges of one knot of circles among tasks: nobody ties one by chance, and each is walked.
NEEDS_JUDGED_MAX = 256
# Of an author's concurrent ops on one entity: bounds what one writer can make all others fold.
OPS_BESIDE_MAX = 8
# Honest clocks differ by less; an event further ahead is not cited yet.
CITABLE_AHEAD_MS = 5 * 60 * 1000

# --- hub calls ---
# Bounded memory per request.
PUSH_FRAMES_MAX = 256
PUSH_BYTES_MAX = MIB
PAGE_FRAMES_MAX = 1_000
PAGE_BYTES_MAX = 4 * MIB
PULL_SPACES_MAX = 256
BY_ID_MAX = 256
BOX_TAGS_MAX = 8
# Nobody can lift the fence of an unused slot out of reach.
SLOT_SEEN_MAX = 2**40
# Rows of a space, and of one poster in it: the one whose lease ended longest ago goes first.
SLOTS_MAX = 10_000
SLOTS_PER_POSTER_MAX = 256
# G is a suite, a key and a hash.
COMMITMENT_BYTES_MAX = 256
# Root, admin, writer, delegate.
CAPABILITY_LINKS_MAX = 4
# 1,216 of them are the key.
STATEMENT_BYTES_MAX = 2 * KIB
# An origin is a scheme, a host name of at most 253 symbols and a port.
ORIGIN_BYTES_MAX = 512
# Whose access is over: beyond it an admin raises min_epoch and begins the list anew.
ACCESS_REVOKED_MAX = 1_000
# Admins whose access statements a relay keeps beside root's: root's next one takes them all in.
ACCESS_SIGNERS_MAX = 64
# So long a joiner's own link reaches beyond the end of its invite: an admin gives another one.
JOINED_SECONDS = 30 * DAY_SECONDS
# A hub keeps a question open this long; the connection below it must live longer.
PULL_WAIT_MS_MAX = 30_000
# A token is ids, numbers and a MAC.
TOKEN_BYTES_MAX = 512
# Proofs of one session call: as many signatures as a relay checks in a few milliseconds.
SESSION_PROOFS_MAX = 32
# Members of a space, in one transaction.
ACCESS_CAPS_MAX = 200
# A token's life, how often it may be made younger by itself, and how far clocks may differ.
SESSION_SECONDS = 15 * 60
SESSION_AGE_SECONDS_MAX = DAY_SECONDS
SESSION_SKEW_SECONDS_MAX = 60
# Twice the skew: a proof that is older than that is refused for its time.
NONCE_SECONDS = 120
# Numbers of an access statement: a huge one would lock everybody out of the next.
STATEMENT_STEP_MAX = 2**16
# Registered holders of a space: members of its whole life, invites and delegates.
CAPS_MAX = 1_000
# Of them under one poster: an invite and all who join by it; so no writer fills the rest.
CAPS_POSTER_MAX = 128
# No free mailbox: keys, leaving, requests for keys and objects are a few a day.
READER_PUSHES_DAY_MAX = 60
# What a relay drops of what has ended, in one turn of its writer.
SWEEP_ROWS_MAX = 1_000
# What a relay commits at once, and what one space may add to that before the others have a turn.
GROUP_CALLS_MAX = 64
GROUP_CALLS_SMALL = 16
GROUP_WAIT_MS = 2
GROUP_QUANTUM_BYTES = 64 * KIB
# Beyond this the disk cannot keep up, and callers had better come back later.
GROUP_WAITING_BYTES_MAX = 64 * MIB
# A page of frames or a chunk, and what stands around it.
REPLY_BYTES_MAX = PAGE_BYTES_MAX + 256 * KIB
# A push or a chunk, the tokens beside it.
REQUEST_BYTES_MAX = MIB + 256 * KIB
# A slow line is served, one that drips is not: so long for a body, and a second for so much more.
BODY_SECONDS = 10
BODY_BYTES_SECOND = 64 * KIB
HEADER_BYTES_MAX = 16 * KIB
# A client's next command comes within a minute or needs a new connection anyway.
KEEP_ALIVE_SECONDS = 75
# What runs when a relay is told to end is finished within that.
DRAIN_SECONDS = 15
# Who takes longer to say what it wants wants nothing.
HEADER_SECONDS = 10
# All that a call may take, its commit and the queue before it included.
REQUEST_SECONDS = 30
# Of one process: what its memory and its file descriptors hold.
CONNECTIONS_MAX = 10_000
# A house behind one address, or a small office.
CONNECTIONS_PEER_MAX = 64
# Processes of one member that listen to one space.
SOCKETS_HOLDER_MAX = 8
SOCKET_SPACES_MAX = 1_000
SOCKET_SECONDS_FIRST = 10
SOCKET_PING_SECONDS = 20
SOCKET_SILENCE_SECONDS_MAX = 40
# What waits for a reader that does not read: beyond it the reader pulls.
SOCKET_QUEUE_MAX = 256
SOCKET_QUEUE_BYTES_MAX = MIB
# A `sub` for as many spaces as one message may ask for.
SOCKET_MESSAGE_BYTES_MAX = 256 * KIB
# What a wake brings along; who is further behind pulls.
WAKE_FRAMES_MAX = 64
WAKE_BYTES_MAX = 256 * KIB
# Requests and replies in memory at a time.
HELD_BYTES_MAX = 512 * MIB
# Epochs whose boxes a relay keeps however old they are.
BOX_EPOCHS_MIN = 8
# Names of peers that a relay keeps count of: an unbounded map is an attack.
BUCKETS_MAX = 100_000
# Pulls go on below that, pushes do not: SQLite needs room to fold its log.
DISK_FREE_BYTES_MIN = 1024 * MIB
DISK_FREE_SHARE = 20
# Whoever forgot to pay reads for two weeks, and finds everything there a month later.
LAPSED_READ_DAYS = 14
LAPSED_KEPT_DAYS = 44
# Spaces that end in one turn of a relay's writer, each with all its frames.
LAPSED_SWEEP_MAX = 4
# Codes that a relay's operator makes at once.
RELAY_CODES_MAX = 100
# Calls that wait for a relay, read at a time.
ERRANDS_PAGE = 32
# Boxes of one call when a relay is filled again: half of what a call takes.
BOXES_PER_CALL = 400
# What a hub and a replica say of their frames, to find which the other lacks: ids of one list,
# ranges and bytes of one message, messages of one run, and ids that a liar can make anybody note.
RECON_LIST_MAX = 32
RECON_RANGES_MAX = 8_192
RECON_BYTES_MAX = 256 * KIB
RECON_MESSAGES_MAX = 256
RECON_IDS_MAX = 100_000
# Live invites of a space.
INVITES_MAX = 100

# --- what waits, what is refused ---
# Orphans cannot fill a disk; what drops out is fetched again by id.
WAITING_FRAMES_MAX = 10_000
WAITING_BYTES_MAX = 64 * MIB
WAITING_PER_AUTHOR_MAX = 1_000
WAITING_SECONDS_MAX = 30 * DAY_SECONDS
# Invented epochs push nothing real out.
SEALED_PER_EPOCH_FRAMES_MAX = 2_000
SEALED_PER_EPOCH_BYTES_MAX = 16 * MIB
SEALED_BYTES_MAX = 64 * MIB
# Evidence, not storage; per source.
QUARANTINE_ROWS_MAX = 1_000
QUARANTINE_BYTES_MAX = 16 * MIB

# --- invites ---
INVITE_SECONDS_DEFAULT = 5 * 60
INVITE_SECONDS_MAX = 7 * DAY_SECONDS
INVITE_USES_MAX = 100
# One size for all, so that size tells nothing.
INVITE_BLOB_BYTES = 4 * KIB
# The relays of a space and a capability chain of four links: both fit the blob at their largest.
INVITE_RELAYS_MAX = 4
# No free mailbox: who may ask to be let in by one invite, and what each may leave at the hub.
JOIN_REQUESTS_MAX = 16
JOIN_REQUEST_BYTES = 4 * KIB
INVITE_CAP_BYTES_MAX = KIB

# --- claims ---
# A silent tool call survives, dead work frees itself.
LEASE_SECONDS_DEFAULT = 15 * 60
LEASE_SECONDS_MIN = 60
LEASE_SECONDS_MAX = DAY_SECONDS
# Clocks and networks are late; work is not taken away in the second its lease ends.
LEASE_GRACE_SECONDS = 30

# --- the program ---
# One page of anything.
ROWS_MAX = 500
LIST_ROWS_DEFAULT = 50
# More is no picture of anything; what is beyond is counted.
PROVENANCE_NODES_MAX = 200
PROVENANCE_DEPTH_MAX = 20
PROVENANCE_DEPTH_DEFAULT = 5
HISTORY_ROWS_DEFAULT = 200
SEARCH_ROWS_DEFAULT = 50
# A line of a log fits. Each word of a phrase is looked up at each place of the word before it.
SEARCH_BYTES_MAX = 512
# Enough to see what a `listen` continues.
LISTEN_ROWS_DEFAULT = 10
# News of a relay that are younger are new enough for a read.
FRESH_SECONDS = 10
# A reader waits no longer than this for news, a writer for its delivery.
PULL_SECONDS_MAX = 1
PUSH_SECONDS_MAX = 2
# The public default: a slow hub answers in 10, a dead one never.
RPC_SECONDS_DEFAULT = 30
WAIT_SECONDS_DEFAULT = 30
WAIT_SECONDS_MAX = 60 * 60
# Where the kernel cannot tell of a change to a file.
POLL_MS = 250
# A retry a month later is a new act.
IDEMPOTENCY_SECONDS_MAX = 30 * DAY_SECONDS
IDEMPOTENCY_KEY_CHARS_MAX = 64
# Fewer symbols collide too often; a collision is reported, never guessed.
SHORT_ID_SYMBOLS_MIN = 6
MEMBER_PREFIX_SYMBOLS_MIN = 8
WORK_RECORD_TEXT_CHARS_MAX = 600

# --- objects ---
# One request body; of ciphertext.
CHUNK_BYTES_MAX = MIB
# Their ids fit one event beside all else; so an object has at most a GiB.
OBJECT_CHUNKS_MAX = 1_024
# Ids in one question what a hub has.
CHUNK_HAVE_MAX = 1_000
# A put that takes longer than this is no put any more: what it left unnamed is swept.
ORPHAN_SECONDS_MAX = DAY_SECONDS

# --- passphrases and archives ---
# A hostile archive or identity file cannot make this machine spend more on one guess.
KDF_PASSES_MAX = 10
KDF_KIB_MAX = 1024 * KIB
KDF_LANES_MAX = 16
# A sentence, not a file; and a file given by mistake is refused, not hashed.
PASSPHRASE_BYTES_MAX = KIB
# A chunk of each object in the largest home; a hostile archive cannot fill a directory for ever.
ARCHIVE_FILES_MAX = 1_000_000
# What the size field of a tar header holds: eleven octal digits.
ARCHIVE_FILE_BYTES_MAX = 8 * 1024 * MIB - 1

# --- audit bundles ---
# Ids stand before the events, so that a damaged one is named; a group is what a reader holds.
BUNDLE_GROUP_EVENTS = 256
# A page that a browser shows at once; what is older is counted.
BUNDLE_PAGE_EVENTS_MAX = 2_000

# --- the databases ---
# Fifty writers that each wait for one fsync are through long before; a stopped process is not.
LOCK_SECONDS_MAX = 30
# Enough for the hot pages of a large space, small beside Python itself.
PAGE_CACHE_KIB_MAX = 8 * KIB
# Pages in the log before a writer folds it back: at its first write few, since whoever opens a
# database alone reads the log through (0.2 ms); later more, since folding costs two fsyncs.
LOG_PAGES_FIRST_MAX = 128
LOG_PAGES_MAX = 1_000
# A temporary file this old was left behind by a process that was killed.
DRAFT_SECONDS_MAX = 60 * 60
# Beyond four, the interpreter and not libsodium is what threads wait for.
WORKER_THREADS_MAX = 4

# --- text and JSON at the edges ---
# A name beside a fingerprint on a terminal of 80 columns.
NAME_CELLS_MAX = 40
# Real scripts stack up to three; more is a flood that climbs over other lines.
COMBINING_MARKS_MAX = 4
# The largest document the program reads is an identity file of a few hundred bytes.
JSON_BYTES_MAX = MIB
JSON_DEPTH_MAX = 32
# Beyond this a double, hence most JSON readers, loses digits: such integers leave as strings.
JSON_INT_MAX = 2**53 - 1

# --- text for people ---
# Narrower columns hide more than they show.
CELL_COLUMNS_MIN = 8
# Below this a table is a list of `key: value`.
TABLE_COLUMNS_MIN = 60

# --- configuration and arguments ---
# Enough for any time in milliseconds, little enough for a double.
ARGUMENT_DIGITS_MAX = 15
# A slip is compared with every name; no name is longer.
SUGGESTION_CHARS_MAX = 64
PROFILE_NAME_CHARS_MAX = 64
# A project file is looked for in this many directories, upwards.
PROJECT_DIRECTORIES_MAX = 64
CONFIG_BYTES_MAX = 16 * KIB
# One call or one lock; who waits longer wants `wait`.
TIMEOUT_MS_MAX = 10 * 60 * 1000
# A scope and the three parts of the longest sort key.
CURSOR_CHARS_MAX = 256

# --- hooks ---
# A settings file of a runtime; one of them keeps its whole history in it.
HOOK_FILE_BYTES_MAX = 8 * MIB
# What a runtime tells a hook on stdin: it may hold a prompt.
HOOK_INPUT_BYTES_MAX = MIB
# A runtime that keeps stdin open, silent or not, is not waited for longer.
HOOK_INPUT_SECONDS_MAX = 0.5
HOOK_STDIN_SECONDS_MAX = 2
# What a hook puts into a context, and how much it names in that.
HOOK_CONTEXT_CHARS_MAX = 1_500
HOOK_SPACES_MAX = 5
HOOK_TASKS_MAX = 8
# A model is told of the same space at most that often.
HOOK_NUDGE_SECONDS = 30
# Sessions of one profile that hooks remember; the oldest go.
HOOK_SESSIONS_MAX = 64
HOOK_SESSION_BYTES_MAX = 64 * KIB
# Acts on a task that are looked through for a note.
HOOK_ACTS_MAX = 20
# The SDK of `envoy-mcp` loads for a second; a busy machine takes longer.
HOOK_SERVER_SECONDS_MAX = 20

# --- envoy-mcp ---
# What a model reads in one turn; clients warn of more, and some cut it.
MCP_PAGE_CHARS_MAX = 16_000
MCP_ERROR_CHARS_MAX = 2_000
# Of one text among others; `resources/read` of its event gives a whole page of it.
MCP_TEXT_CHARS_MAX = 4_000
# Of a name beside a text; the whole name stands in its own field.
MCP_LABEL_COLUMNS_MAX = 40
# One page of rows.
MCP_ROWS_MAX = 100
MCP_ROWS_DEFAULT = 20
# Clients give up after 60 seconds.
MCP_WAIT_SECONDS_MAX = 50
MCP_WAIT_SECONDS_DEFAULT = 25
# What a waiting client hears that something goes on.
MCP_PROGRESS_SECONDS = 5
# A slice of text that fits a page; one of other bytes, which leave as base64.
MCP_SLICE_BYTES_DEFAULT = 12_000
MCP_BASE64_BYTES_MAX = 9_000
MCP_BUDGET_TOKENS_DEFAULT = 3_000
MCP_BUDGET_TOKENS_MAX = 4_000
# Requests that are answered at a time; what a client sends beyond that waits in its pipe.
MCP_CALLS_MAX = 64
MCP_STREAMS_MAX = 8
MCP_SUBSCRIPTIONS_MAX = 256
# A client that closed its side, or was piped in, still reads what it asked for.
MCP_GRACE_SECONDS = 5
# A resource is as fresh as that; who wants to know sooner subscribes.
MCP_TTL_MS = 2_000
# Lists of ours never change while a server lives.
MCP_LIST_TTL_MS = 60 * 60 * 1000
# Who finds relays away asks less and less often.
MCP_ATTEND_SECONDS_MAX = 5 * 60

# --- arrival numbers ---
# A page puts at most a few entries per frame into the stream; this many are kept clear besides.
ARRIVALS_RESERVED = 1_000
# What `--wait-timeout 0` means by for ever.
FOREVER_SECONDS = 10 * 365 * DAY_SECONDS
# A look costs a millisecond: that often, a wait that nobody wakes costs next to nothing.
# A record of a bundle: a frame or a head with its names; a header is smaller.
BUNDLE_RECORD_BYTES_MAX = ENVELOPE_BYTES_MAX + KIB
# A long poll of who listens: shorter than news are fresh, so that whoever reads need not ask.
LIVE_WAIT_MS = 8_000
# Isolated spaces of one process with a connection, and in who listens a thread, of their own at a
# time; more take turns. A relay takes 64 connections of an address.
ISOLATED_MAX = 8
# A relay that failed is asked again after a time drawn from a span that doubles between these.
BACKOFF_SECONDS_MIN, BACKOFF_SECONDS_MAX = 0.5, 60
WAIT_LOOK_SECONDS = 2
# Longer waits would overflow the kernel's count of milliseconds.
WAIT_SLICE_SECONDS_MAX = 60 * 60
