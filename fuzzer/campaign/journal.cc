#include "fuzzer/campaign/journal.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <fcntl.h>
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "fuzzer/base/hash.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using soci::into;
using soci::use;

constexpr const char* kTables[] = {
    "create table meta(key text primary key, value text not null)",
    "create table epochs(epoch integer primary key, snapshot text not null)",
    "create table reasons(id integer primary key, ending text not null, reason text not null, "
    "unique(ending, reason))",
    "create table ledger(first integer primary key, cases integer not null, reason integer not null)",
    "create table bugs(id integer primary key, signature text not null unique, name text not null, "
    "symptom integer not null, cures text not null, operators text not null, bad text not null, "
    "first_index integer not null, cases integer not null)",
    "create table findings(idx integer primary key, bug integer not null)",
    "create table seeds(idx integer primary key, pass_set text not null unique, name text not null, "
    "packed blob not null)",
    "create table reach(kind text not null, name text not null, cases integer not null, "
    "primary key(kind, name))",
    "create table applied(epoch integer not null, name text not null, cases integer not null, "
    "primary key(epoch, name))",
    "create table sums(name text primary key, value real not null)",
    "create table progress(seconds real not null, cases integer not null, findings integer not null, "
    "bugs integer not null, memory integer not null, worker_memory integer not null)",
};

constexpr const char* kHereAlready =
    ": a campaign is here already: give --resume to go on with it, or another --out";

std::string to_words(const std::vector<std::string>& list) {
  return nlohmann::json(list).dump();
}
std::vector<std::string> from_words(const std::string& text) {
  return nlohmann::json::parse(text).get<std::vector<std::string>>();
}

std::string bad_words(const Configuration& c) {
  return nlohmann::json{{"level", c.level}, {"reload", c.reload}, {"runs", c.runs}}.dump();
}
Configuration bad_from(const std::string& text) {
  const auto j = nlohmann::json::parse(text);
  Configuration c;
  c.level = j.at("level");
  c.reload = j.at("reload");
  c.runs = j.at("runs");
  return c;
}

void put(std::string& out, std::string_view bytes) {
  const std::uint64_t n = bytes.size();
  out.append(reinterpret_cast<const char*>(&n), sizeof n);
  out.append(bytes);
}
std::string_view get(std::string_view& in) {
  std::uint64_t n = 0;
  if (in.size() < sizeof n) throw UserError("the journal holds a damaged case");
  std::memcpy(&n, in.data(), sizeof n);
  in.remove_prefix(sizeof n);
  if (in.size() < n) throw UserError("the journal holds a damaged case");
  const std::string_view bytes = in.substr(0, n);
  in.remove_prefix(n);
  return bytes;
}

}  // namespace

std::string_view name(Ending e) {
  static constexpr std::string_view kNames[] = {"agree", "skipped", "rejected", "finding"};
  return kNames[static_cast<int>(e)];
}

void Tally::add(const Tally& other) {
  elements += other.elements;
  open += other.open;
  vague += other.vague;
  sessions += other.sessions;
  system_seconds += other.system_seconds;
  triage_seconds += other.triage_seconds;
  for (const auto& [key, n] : other.reach) reach[key] += n;
}

std::string pack(const Case& c) {
  std::string out;
  put(out, serialize(c.model));
  for (const auto& [name, tensor] : c.inputs) {
    if (tensor.is_string()) continue;
    put(out, name);
    const std::int64_t dtype = static_cast<std::int64_t>(tensor.dtype());
    std::string type(reinterpret_cast<const char*>(&dtype), sizeof dtype);
    type.append(reinterpret_cast<const char*>(tensor.dims().data()),
                tensor.dims().size() * sizeof(std::int64_t));
    put(out, type);
    put(out, tensor.raw());
  }
  return out;
}

Case unpack(std::string_view bytes) {
  Case c;
  c.model = parse_model(get(bytes), "a case in the journal");
  while (!bytes.empty()) {
    const std::string name(get(bytes));
    const std::string_view type = get(bytes), raw = get(bytes);
    std::vector<std::int64_t> numbers(type.size() / sizeof(std::int64_t));
    std::memcpy(numbers.data(), type.data(), numbers.size() * sizeof(std::int64_t));
    if (numbers.empty()) throw UserError("the journal holds a damaged case");
    c.inputs.emplace(name, Tensor({static_cast<DType>(numbers[0]), Dims(numbers.begin() + 1, numbers.end())},
                                  std::string(raw)));
  }
  return c;
}

struct Journal::Impl {
  fs::path file;
  soci::session sql;
  int lock = -1;
  bool in_transaction = false;
  // The last row of the ledger, which grows while equal cases follow.
  std::int64_t run_first = -1, run_cases = 0, run_reason = -1;
  bool run_written = false;
  std::map<std::pair<std::string, std::string>, std::int64_t> reasons;
  std::map<long long, std::shared_ptr<const Case>> unpacked;  // the seeds of the last snapshot, by index

  ~Impl() {
    if (lock >= 0) close(lock);
  }

  // Whatever SQLite says becomes one line about the file.
  template <class F>
  auto guarded(F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const soci::soci_error& e) {
      throw UserError(file.string() + ": " + one_line(e.what(), 200));
    }
  }

  std::int64_t reason_id(const Entry& entry) {
    const std::pair<std::string, std::string> key(name(entry.ending), entry.reason);
    if (const auto at = reasons.find(key); at != reasons.end()) return at->second;
    long long id = -1;
    sql << "select id from reasons where ending = :e and reason = :r", use(key.first), use(key.second),
        into(id);
    if (!sql.got_data()) {
      sql << "insert into reasons(ending, reason) values(:e, :r)", use(key.first), use(key.second);
      sql << "select last_insert_rowid()", into(id);
    }
    reasons.emplace(key, id);
    return id;
  }

  void write_run() {
    if (run_first < 0 || run_cases == 0) return;
    long long first = run_first, cases = run_cases, reason = run_reason;
    if (run_written)
      sql << "update ledger set cases = :c where first = :f", use(cases), use(first);
    else
      sql << "insert into ledger(first, cases, reason) values(:f, :c, :r)", use(first), use(cases),
          use(reason);
    run_written = true;
  }

  void load_run() {
    long long first = -1, cases = 0, reason = -1;
    sql << "select first, cases, reason from ledger order by first desc limit 1", into(first), into(cases),
        into(reason);
    run_written = sql.got_data();
    run_first = run_written ? first : -1;
    run_cases = run_written ? cases : 0;
    run_reason = run_written ? reason : -1;
    reasons.clear();
  }
};

Journal::Journal(const fs::path& folder, Mode mode, const std::map<std::string, std::string>& meta)
    : impl_(std::make_unique<Impl>()) {
  impl_->file = folder / "journal.sqlite";
  // The library that opens it knows no way to write this character.
  if (impl_->file.string().find('"') != std::string::npos)
    throw UserError(folder.string() + ": a campaign's folder cannot have '\"' in its name");
  std::error_code error;
  const bool there = fs::exists(impl_->file, error);
  if (mode != Mode::kCreate && !there)
    throw UserError(folder.string() + ": no campaign is here (there is no journal.sqlite)");
  if (mode == Mode::kCreate) {
    fs::create_directories(folder / "findings", error);
    if (error) throw UserError(folder.string() + ": cannot be made: " + error.message());
  }
  if (mode != Mode::kRead) {
    impl_->lock = open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (impl_->lock < 0) throw UserError(folder.string() + ": cannot be written: " + std::strerror(errno));
    if (flock(impl_->lock, LOCK_EX | LOCK_NB) != 0)
      throw UserError(folder.string() +
                      (mode == Mode::kCreate && there ? kHereAlready : ": another campaign is running here"));
  }
  const std::string schema = impl_->guarded([&] {
    soci::session& sql = impl_->sql;
    // Readers must be able to open the write-ahead log's index, too: no read-only mode.
    sql.open(soci::sqlite3, "dbname=\"" + impl_->file.string() + "\" timeout=30");
    if (mode == Mode::kRead) {
      sql << "pragma query_only = on";
      sql.begin();  // all that is read is of one moment, whatever is written meanwhile
    } else {
      std::string journal_mode;
      sql << "pragma journal_mode = wal", into(journal_mode);
      sql << "pragma synchronous = normal";
    }
    int tables = 0;
    std::string found;
    sql << "select count(*) from sqlite_master", into(tables);
    if (tables == 0) return found;  // new, or its maker was killed before it came this far
    sql << "select count(*) from sqlite_master where name = 'meta'", into(tables);
    if (tables > 0) sql << "select value from meta where key = 'schema'", into(found);
    return tables > 0 && sql.got_data() ? found : std::string("none");
  });
  if (mode == Mode::kCreate && !schema.empty()) throw UserError(folder.string() + kHereAlready);
  if (mode == Mode::kRead && schema.empty())
    throw UserError(folder.string() + ": the campaign here has not begun (journal.sqlite is empty)");
  if (!schema.empty() && schema != std::to_string(kJournalSchema))
    throw UserError(impl_->file.string() + ": is of journal schema '" + schema + "', this mobster reads " +
                    std::to_string(kJournalSchema));
  impl_->guarded([&] {
    if (schema.empty()) {
      soci::transaction all(impl_->sql);
      for (const char* table : kTables) impl_->sql << table;
      auto entries = meta;
      entries["schema"] = std::to_string(kJournalSchema);
      for (const auto& [key, value] : entries)
        impl_->sql << "insert or replace into meta(key, value) values(:k, :v)", use(key), use(value);
      all.commit();
    }
    impl_->load_run();
  });
}
Journal::~Journal() = default;

std::string Journal::meta(const std::string& key) {
  return impl_->guarded([&] {
    std::string value;
    impl_->sql << "select value from meta where key = :k", use(key), into(value);
    return impl_->sql.got_data() ? value : std::string();
  });
}

void Journal::set_meta(const std::string& key, const std::string& value) {
  impl_->guarded(
      [&] { impl_->sql << "insert or replace into meta(key, value) values(:k, :v)", use(key), use(value); });
}

void Journal::begin() {
  impl_->guarded([&] { impl_->sql.begin(); });
  impl_->in_transaction = true;
}

void Journal::append(std::uint64_t index, const Entry& entry) {
  impl_->guarded([&] {
    const std::int64_t reason = impl_->reason_id(entry);
    const auto next = impl_->run_first < 0 ? 0 : impl_->run_first + impl_->run_cases;
    MOB_CHECK(static_cast<std::int64_t>(index) == next, "the journal expects case " + std::to_string(next));
    if (impl_->run_first >= 0 && reason == impl_->run_reason) {
      ++impl_->run_cases;
      return;
    }
    impl_->write_run();
    impl_->run_first = static_cast<std::int64_t>(index);
    impl_->run_cases = 1;
    impl_->run_reason = reason;
    impl_->run_written = false;
  });
}

void Journal::add_group(const Group& g) {
  impl_->guarded([&] {
    const std::string cures = to_words(g.cures), operators = to_words(g.operators), bad = bad_words(g.bad);
    const int symptom = static_cast<int>(g.symptom);
    const auto first = static_cast<long long>(g.first_index);
    impl_->sql << "insert into bugs(signature, name, symptom, cures, operators, bad, first_index, cases) "
                  "values(:s, :n, :y, :c, :o, :b, :f, 0)",
        use(g.signature), use(g.name), use(symptom), use(cures), use(operators), use(bad), use(first);
  });
}

void Journal::add_finding(const JournalFinding& f) {
  impl_->guarded([&] {
    const auto index = static_cast<long long>(f.index);
    impl_->sql << "update bugs set cases = cases + 1 where signature = :s", use(f.signature);
    impl_->sql << "insert into findings(idx, bug) select :i, id from bugs where signature = :s", use(index),
        use(f.signature);
  });
}

void Journal::add_seed(std::uint64_t index, std::uint64_t pass_set, const std::string& seed_name,
                       const Case& c) {
  impl_->guarded([&] {
    const auto idx = static_cast<long long>(index);
    const std::string set = hex64(pass_set), packed = pack(c);
    soci::blob blob(impl_->sql);
    blob.write(0, packed.data(), packed.size());
    impl_->sql << "insert into seeds(idx, pass_set, name, packed) values(:i, :p, :n, :b)", use(idx), use(set),
        use(seed_name), use(blob);
  });
}

void Journal::add_tally(const Tally& t) {
  impl_->guarded([&] {
    std::string kind, what;
    long long n = 0;
    soci::statement reach =
        (impl_->sql.prepare << "insert into reach(kind, name, cases) values(:k, :w, :n) on "
                               "conflict(kind, name) do update set cases = cases + excluded.cases",
         use(kind), use(what), use(n));
    for (const auto& [key, cases] : t.reach) {
      std::tie(kind, what) = key;
      n = static_cast<long long>(cases);
      reach.execute(true);
    }
    double value = 0;
    soci::statement sum =
        (impl_->sql.prepare << "insert into sums(name, value) values(:w, :v) on conflict(name) do "
                               "update set value = value + excluded.value",
         use(what), use(value));
    const std::pair<const char*, double> sums[] = {
        {"elements", static_cast<double>(t.elements)}, {"open", static_cast<double>(t.open)},
        {"vague", static_cast<double>(t.vague)},       {"sessions", static_cast<double>(t.sessions)},
        {"triage_seconds", t.triage_seconds},          {"system_seconds", t.system_seconds}};
    for (const auto& [key, number] : sums) {
      what = key;
      value = number;
      sum.execute(true);
    }
  });
}

void Journal::add_applied(std::uint64_t epoch, const std::map<std::string, std::uint64_t>& applied) {
  impl_->guarded([&] {
    const auto e = static_cast<long long>(epoch);
    std::string what;
    long long n = 0;
    soci::statement add =
        (impl_->sql.prepare << "insert into applied(epoch, name, cases) values(:e, :w, :n) on "
                               "conflict(epoch, name) do update set cases = cases + "
                               "excluded.cases",
         use(e), use(what), use(n));
    for (const auto& [optimizer, cases] : applied) {
      what = optimizer;
      n = static_cast<long long>(cases);
      add.execute(true);
    }
  });
}

void Journal::add_progress(const ProgressPoint& p) {
  impl_->guarded([&] {
    const auto cases = static_cast<long long>(p.cases), findings = static_cast<long long>(p.findings),
               groups = static_cast<long long>(p.groups), memory = static_cast<long long>(p.memory),
               worker = static_cast<long long>(p.worker_memory);
    impl_->sql << "insert into progress values(:s, :c, :f, :g, :m, :w)", use(p.seconds), use(cases),
        use(findings), use(groups), use(memory), use(worker);
  });
}

void Journal::add_epoch(std::uint64_t epoch, std::uint64_t snapshot_hash) {
  impl_->guarded([&] {
    const auto e = static_cast<long long>(epoch);
    const std::string hash = hex64(snapshot_hash);
    impl_->sql << "insert or ignore into epochs(epoch, snapshot) values(:e, :h)", use(e), use(hash);
  });
}

void Journal::commit() {
  impl_->guarded([&] {
    impl_->write_run();
    impl_->sql.commit();
  });
  impl_->in_transaction = false;
}

void Journal::rollback() noexcept {
  if (!impl_->in_transaction) return;
  try {
    impl_->sql.rollback();
  } catch (const std::exception&) {  // SQLite did it already: it does where the disk is full
  }
  try {
    impl_->load_run();
  } catch (const std::exception&) {  // the file stays at the last commit
  }
  impl_->in_transaction = false;
}

std::uint64_t Journal::next_index() {
  return impl_->run_first < 0 ? 0 : static_cast<std::uint64_t>(impl_->run_first + impl_->run_cases);
}

std::map<std::pair<std::string, std::string>, std::uint64_t> Journal::ledger() {
  return impl_->guarded([&] {
    std::map<std::pair<std::string, std::string>, std::uint64_t> table;
    soci::rowset<soci::row> rows = impl_->sql.prepare
                                   << "select r.ending, r.reason, cast(sum(l.cases) as text) from "
                                      "ledger l join reasons r on r.id = l.reason group by r.id";
    for (const soci::row& row : rows)
      table[{row.get<std::string>(0), row.get<std::string>(1)}] = std::stoull(row.get<std::string>(2));
    return table;
  });
}

std::vector<Journal::GroupRow> Journal::groups() {
  return impl_->guarded([&] {
    std::vector<GroupRow> list;
    soci::rowset<soci::row> rows =
        impl_->sql.prepare
        << "select signature, name, cast(symptom as text), cures, operators, bad, "
           "cast(first_index as text), cast(cases as text) from bugs order by first_index, id";
    for (const soci::row& row : rows) {
      GroupRow g;
      g.group.signature = row.get<std::string>(0);
      g.group.name = row.get<std::string>(1);
      g.group.symptom = static_cast<Symptom>(std::stoi(row.get<std::string>(2)));
      g.group.cures = from_words(row.get<std::string>(3));
      g.group.operators = from_words(row.get<std::string>(4));
      g.group.bad = bad_from(row.get<std::string>(5));
      g.group.first_index = std::stoull(row.get<std::string>(6));
      g.cases = std::stoull(row.get<std::string>(7));
      list.push_back(std::move(g));
    }
    return list;
  });
}

std::vector<std::uint64_t> Journal::findings() {
  return impl_->guarded([&] {
    std::vector<std::uint64_t> list;
    soci::rowset<std::string> rows = impl_->sql.prepare
                                     << "select cast(idx as text) from findings order by idx";
    for (const std::string& row : rows) list.push_back(std::stoull(row));
    return list;
  });
}

std::set<std::uint64_t> Journal::pass_sets(std::uint64_t end) {
  return impl_->guarded([&] {
    const auto limit = static_cast<long long>(end);
    std::set<std::uint64_t> sets;
    soci::rowset<std::string> rows =
        (impl_->sql.prepare << "select pass_set from seeds where idx < :e", use(limit));
    for (const std::string& row : rows) sets.insert(std::stoull(row, nullptr, 16));
    return sets;
  });
}

Snapshot Journal::snapshot(std::uint64_t end) {
  Snapshot s;
  for (GroupRow& g : groups())
    if (g.group.first_index < end) s.groups.push_back(std::move(g.group));
  s.seen = pass_sets(end);
  s.cases = end;
  impl_->guarded([&] {
    const auto limit = static_cast<long long>(end);
    long long idx = 0;
    std::string seed_name;
    soci::blob blob(impl_->sql);
    soci::statement rows =
        (impl_->sql.prepare
             << "select idx, name, packed from seeds where idx < :e order by idx desc limit :m",
         use(limit), use(kMostSeeds), into(idx), into(seed_name), into(blob));
    rows.execute();
    std::map<long long, std::shared_ptr<const Case>> unpacked;
    while (rows.fetch()) {
      auto& c = unpacked[idx];
      if (const auto known = impl_->unpacked.find(idx); known != impl_->unpacked.end()) {
        c = known->second;
      } else {
        std::string packed(blob.get_len(), '\0');
        if (!packed.empty()) blob.read(0, packed.data(), packed.size());
        c = std::make_shared<const Case>(unpack(packed));
      }
      s.pool.push_back({seed_name, c});
    }
    std::reverse(s.pool.begin(), s.pool.end());
    impl_->unpacked = std::move(unpacked);
    const auto epoch = static_cast<long long>(epoch_of(end));
    soci::rowset<soci::row> applied =
        (impl_->sql.prepare
             << "select name, cast(sum(cases) as text) from applied where epoch < :e group by name",
         use(epoch));
    for (const soci::row& row : applied)
      s.applied[row.get<std::string>(0)] = std::stoull(row.get<std::string>(1));
  });
  return s;
}

std::uint64_t Journal::epoch_hash(std::uint64_t epoch) {
  return impl_->guarded([&]() -> std::uint64_t {
    const auto e = static_cast<long long>(epoch);
    std::string hash;
    impl_->sql << "select snapshot from epochs where epoch = :e", use(e), into(hash);
    return impl_->sql.got_data() ? std::stoull(hash, nullptr, 16) : 0;
  });
}

Tally Journal::tally() {
  return impl_->guarded([&] {
    Tally t;
    {
      soci::rowset<soci::row> rows = impl_->sql.prepare
                                     << "select kind, name, cast(cases as text) from reach";
      for (const soci::row& row : rows)
        t.reach[{row.get<std::string>(0), row.get<std::string>(1)}] = std::stoull(row.get<std::string>(2));
    }
    const auto sum = [&](const std::string& what) {
      double value = 0;
      impl_->sql << "select value from sums where name = :n", use(what), into(value);
      return impl_->sql.got_data() ? value : 0.0;
    };
    t.elements = static_cast<std::uint64_t>(sum("elements"));
    t.open = static_cast<std::uint64_t>(sum("open"));
    t.vague = static_cast<std::uint64_t>(sum("vague"));
    t.sessions = static_cast<std::uint64_t>(sum("sessions"));
    t.system_seconds = sum("system_seconds");
    t.triage_seconds = sum("triage_seconds");
    return t;
  });
}

std::vector<ProgressPoint> Journal::progress() {
  return impl_->guarded([&] {
    std::vector<ProgressPoint> list;
    soci::rowset<soci::row> rows =
        impl_->sql.prepare
        << "select cast(seconds as text), cast(cases as text), cast(findings as text), "
           "cast(bugs as text), cast(memory as text), cast(worker_memory as text) from progress "
           "order by rowid";
    for (const soci::row& row : rows) {
      ProgressPoint p;
      p.seconds = std::stod(row.get<std::string>(0));
      p.cases = std::stoull(row.get<std::string>(1));
      p.findings = std::stoull(row.get<std::string>(2));
      p.groups = std::stoull(row.get<std::string>(3));
      p.memory = std::stoll(row.get<std::string>(4));
      p.worker_memory = std::stoll(row.get<std::string>(5));
      list.push_back(p);
    }
    return list;
  });
}

std::string Journal::audit() {
  return impl_->guarded([&]() -> std::string {
    std::uint64_t next = 0;
    soci::rowset<soci::row> rows =
        impl_->sql.prepare << "select cast(first as text), cast(cases as text) from ledger order by first";
    for (const soci::row& row : rows) {
      const std::uint64_t first = std::stoull(row.get<std::string>(0));
      if (first != next)
        return "case " + std::to_string(std::min(first, next)) +
               (first > next ? " is not accounted for" : " is accounted for twice");
      next = first + std::stoull(row.get<std::string>(1));
    }
    return "";
  });
}

}  // namespace mob
