#include "fuzzer/campaign/campaign.h"

#include <fmt/format.h>
#include <tbb/concurrent_queue.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "fuzzer/base/check.h"
#include "fuzzer/base/clock.h"
#include "fuzzer/base/hash.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/handover.h"
#include "fuzzer/campaign/lane.h"
#include "fuzzer/campaign/slips.h"
#include "fuzzer/campaign/triage_lane.h"

namespace mob {
namespace {

constexpr std::uint64_t kBatch = 16;  // consecutive cases that one lane does; divides every epoch
constexpr double kCommitSeconds = 0.5;
constexpr double kProgressSeconds = 10;

struct Issued {
  std::uint64_t first = 0, count = 0;
  std::shared_ptr<const Snapshot> snapshot;
  BatchResult result;
};

// What makes a campaign this one: it must be resumed with the same.
std::map<std::string, std::string> identity(const CampaignOptions& options) {
  return {{"version", version()},
          {"system", options.system.label()},
          {"seed", std::to_string(options.seed)},
          {"source", hex64(options.source.hash())}};
}

// Of that, what a person would want to know: the hash says only whether two are alike.
std::map<std::string, std::string> settings(const CampaignOptions& options) {
  const Policy& p = options.source.generator.policy;
  const Focus& f = options.source.focus;
  return {
      {"shares",
       fmt::format("motif={} mutant={} random={} derived={}", p.motif, p.mutant, p.random, p.derived)},
      {"focus", !f.pass.empty()    ? "pass:" + f.pass
                : !f.op.empty()    ? "operator:" + f.op
                : !f.motif.empty() ? "motif:" + f.motif
                                   : ""},
      {"corpus", fmt::format("{} models", options.source.corpus.size())},
      {"motifs", fmt::format("{} built in, {} given", all_motifs().size(), options.source.motifs.size())}};
}

class Campaign {
 public:
  Campaign(const CampaignOptions& options, const std::function<void(const Status&)>& show)
      : options_(options),
        show_(show),
        journal_(options.out, options.resume ? Journal::Mode::kResume : Journal::Mode::kCreate,
                 identity(options)),
        start_(seconds_now()) {}

  EndedBy run();

 private:
  void begin_or_resume();
  std::optional<Issued> issue();
  void commit(Issued&& issued);
  void write_batch(Issued& issued);
  void settle_up(bool last);
  void fail() noexcept;
  std::shared_ptr<const Snapshot> snapshot_of(std::uint64_t epoch);
  void take_progress();
  Status status();

  const CampaignOptions& options_;
  const std::function<void(const Status&)>& show_;
  Journal journal_;
  const double start_;
  double earlier_seconds_ = 0;

  // Issuing: one thread at a time.
  std::uint64_t next_ = 0;
  std::uint64_t epoch_ = ~std::uint64_t{0};
  std::shared_ptr<const Snapshot> snapshot_;
  EndedBy ended_by_ = EndedBy::kCases;

  // Committing: one thread at a time; the state is guarded for those who only look.
  std::mutex mutex_;
  std::condition_variable committed_cv_;
  std::uint64_t committed_ = 0;
  std::uint64_t session_first_ = 0;
  std::set<std::uint64_t> seen_;  // sets of fired passes of all that is committed
  Tally pending_;                 // not in the journal yet
  std::map<std::uint64_t, std::map<std::string, std::uint64_t>> applied_;  // by epoch; likewise
  Status status_;
  double session_system_seconds_ = 0;
  bool in_transaction_ = false;
  double last_commit_ = 0, last_progress_ = 0;
  std::atomic<bool> disk_full_{false}, failed_{false};
  std::vector<std::unique_ptr<Lane>> lanes_;
  tbb::concurrent_bounded_queue<Lane*> idle_;
};

void Campaign::begin_or_resume() {
  const std::map<std::string, std::string> wanted = identity(options_);
  for (const auto& [key, value] : wanted)
    if (const std::string was = journal_.meta(key); was != value)
      throw UserError(fmt::format(
          "{}: the campaign here has another {}: resume it as it was begun, or give another --out",
          options_.out.string(),
          key == "source" ? "policy, focus, corpus, set of motifs or support table"
                          : fmt::format("{} ('{}', not '{}')", key, was, value)));
  next_ = committed_ = session_first_ = journal_.next_index();
  status_ = read_status(journal_);
  earlier_seconds_ = status_.seconds;
  status_.system = options_.system.label();
  status_.seed = options_.seed;
  for (const auto& [key, value] : settings(options_)) journal_.set_meta(key, value);
  journal_.set_meta("jobs",
                    std::to_string(options_.jobs > 0 ? options_.jobs : tbb::info::default_concurrency()));
  seen_ = journal_.pass_sets(~std::uint64_t{0} >> 1);
  disk_full_ = folder_size(options_.out) > options_.disk_budget;
  last_commit_ = last_progress_ = seconds_now();
}

// What was committed of the epochs that this one may depend on. Read from the journal, so that a campaign
// that was resumed and one that was not see the same.
std::shared_ptr<const Snapshot> Campaign::snapshot_of(std::uint64_t epoch) {
  const std::uint64_t end = snapshot_end(epoch);
  std::unique_lock lock(mutex_);
  committed_cv_.wait(lock, [&] { return committed_ >= end || failed_; });
  if (failed_) return nullptr;
  if (in_transaction_) {
    try {
      settle_up(false);
    } catch (...) {
      fail();
      throw;
    }
  }
  auto snapshot = std::make_shared<Snapshot>(journal_.snapshot(end));
  const std::uint64_t hash = snapshot->hash();
  snapshot->motif_weights = motif_weights(*snapshot, options_.source.generator.policy);
  if (const std::uint64_t was = journal_.epoch_hash(epoch); was != 0 && was != hash)
    throw UserError(options_.out.string() + ": the journal's epoch " + std::to_string(epoch) +
                    " was begun with another snapshot: it was changed from outside");
  journal_.begin();
  journal_.add_epoch(epoch, hash);
  journal_.commit();
  return snapshot;
}

std::optional<Issued> Campaign::issue() {
  const auto end_with = [&](EndedBy why) {
    ended_by_ = why;
    return std::nullopt;
  };
  if (failed_) return std::nullopt;
  if (options_.cases > 0 && next_ >= options_.cases) return end_with(EndedBy::kCases);
  if (options_.stop != nullptr && *options_.stop) return end_with(EndedBy::kSignal);
  if (options_.seconds > 0 && seconds_now() - start_ >= options_.seconds) return end_with(EndedBy::kTime);
  if (disk_full_) return end_with(EndedBy::kDiskBudget);
  if (const std::uint64_t epoch = epoch_of(next_); epoch != epoch_) {
    snapshot_ = snapshot_of(epoch);
    if (snapshot_ == nullptr) return std::nullopt;
    epoch_ = epoch;
  }
  Issued issued;
  issued.first = next_;
  // Batches end where they would have ended without the interruption.
  issued.count = kBatch - next_ % kBatch;
  if (options_.cases > 0) issued.count = std::min(issued.count, options_.cases - next_);
  issued.snapshot = snapshot_;
  next_ += issued.count;
  return issued;
}

void Campaign::write_batch(Issued& issued) {
  if (!in_transaction_) {
    journal_.begin();
    in_transaction_ = true;
  }
  BatchResult& batch = issued.result;
  for (std::size_t i = 0; i < batch.cases.size(); ++i) {
    CaseResult& r = batch.cases[i];
    const std::uint64_t index = batch.first + i;
    journal_.append(index, r.entry);
    ++status_.ledger[{std::string(name(r.entry.ending)), r.entry.reason}];
    if (!r.signature.empty()) {
      auto known = std::find_if(status_.groups.begin(), status_.groups.end(),
                                [&](const auto& g) { return g.group.signature == r.signature; });
      if (known == status_.groups.end()) {
        MOB_CHECK(r.news != nullptr);
        const NewFinding& f = *r.news;
        // The model as the system took it: with the opset and IR version that it accepts.
        const auto as_run = [&](const std::shared_ptr<const Case>& c) {
          auto copy = c ? std::make_unique<Case>(*c) : nullptr;
          if (copy) copy->model = stamped(copy->model, options_.system);
          return copy;
        };
        const auto c = as_run(f.c), original = as_run(f.original);
        std::optional<Derivation> step;
        if (!f.steps.empty()) {
          step = f.steps.back();
          step->parent = as_run(step->parent);
        }
        // The folder is complete before the row that tells of it.
        write_finding(options_.out / "findings", {.name = f.group.name,
                                                  .c = c.get(),
                                                  .original = original.get(),
                                                  .step = step ? &*step : nullptr,
                                                  .judged = &f.judged,
                                                  .cause = f.cause,
                                                  .optimized = f.optimized,
                                                  .signature = f.group.signature,
                                                  .system = options_.system.name,
                                                  .version = options_.system.version,
                                                  .motif = f.motif,
                                                  .broken_guards = f.broken_guards,
                                                  .seed = options_.seed,
                                                  .index = index});
        journal_.add_group(f.group);
        status_.groups.push_back({f.group, 0});
        known = status_.groups.end() - 1;
      }
      ++known->cases;
      journal_.add_finding({index, r.signature});
    }
    for (const auto& [optimizer, n] : r.applied) applied_[epoch_of(index)][optimizer] += n;
    if (r.interesting && seen_.insert(r.pass_set).second)
      journal_.add_seed(index, r.pass_set, r.source + " case " + std::to_string(index), *r.interesting);
  }
  pending_.add(batch.tally);
  status_.tally.add(batch.tally);
  session_system_seconds_ += batch.tally.system_seconds;
  committed_ = batch.first + batch.cases.size();
}

// With the mutex held: nothing more is written.
void Campaign::fail() noexcept {
  journal_.rollback();
  in_transaction_ = false;
  failed_ = true;
  committed_cv_.notify_all();
}

// With the mutex held: what was written since the last time becomes permanent.
void Campaign::settle_up(bool last) {
  if (!in_transaction_ && !last) return;
  if (!in_transaction_) journal_.begin();
  in_transaction_ = true;
  journal_.add_tally(pending_);
  for (const auto& [epoch, applied] : applied_) journal_.add_applied(epoch, applied);
  if (last || seconds_now() - last_progress_ >= kProgressSeconds) {
    take_progress();
    if (folder_size(options_.out) > options_.disk_budget) disk_full_ = true;
  }
  journal_.commit();
  pending_ = Tally();
  applied_.clear();
  in_transaction_ = false;
  last_commit_ = seconds_now();
}

void Campaign::take_progress() {
  ProgressPoint p;
  p.seconds = earlier_seconds_ + seconds_now() - start_;
  p.cases = committed_;
  p.findings = status_.bugs();
  p.groups = status_.groups.size();
  p.memory = resident_memory(getpid());
  for (const auto& lane : lanes_) p.worker_memory += lane->worker_memory();
  journal_.add_progress(p);
  status_.progress.push_back(p);
  last_progress_ = seconds_now();
}

void Campaign::commit(Issued&& issued) {
  std::unique_lock lock(mutex_);
  if (failed_) return;
  try {
    write_batch(issued);
    if (seconds_now() - last_commit_ >= kCommitSeconds) settle_up(false);
  } catch (...) {
    fail();
    throw;
  }
  lock.unlock();
  committed_cv_.notify_all();
}

Status Campaign::status() {
  std::lock_guard lock(mutex_);
  Status s = status_;
  s.cases = committed_;
  s.session_cases = committed_ - session_first_;
  s.session_seconds = seconds_now() - start_;
  s.seconds = earlier_seconds_ + s.session_seconds;
  s.session_system_seconds = session_system_seconds_;
  s.jobs = static_cast<int>(lanes_.size());
  return s;
}

EndedBy Campaign::run() {
  begin_or_resume();
  const std::set<std::uint64_t> left_out = read_slips(options_.out);
  const SlipCatcher catcher(options_.out);
  const int jobs = options_.jobs > 0 ? options_.jobs : tbb::info::default_concurrency();
  for (int i = 0; i < jobs; ++i) {
    lanes_.push_back(std::make_unique<Lane>(options_.system, options_.source, options_.seed, options_.limits,
                                            options_.measure, left_out));
    idle_.push(lanes_.back().get());
  }
  const TriageLane triage(options_.system, options_.limits, options_.out / "findings",
                          options_.triage_share * jobs);
  std::mutex showing;
  std::condition_variable over_cv;
  bool over = false;
  std::thread display([&] {
    std::unique_lock lock(showing);
    while (!over_cv.wait_for(lock, std::chrono::seconds(1), [&] { return over; })) show_(status());
  });
  const auto end_display = [&] {
    {
      std::lock_guard lock(showing);
      over = true;
    }
    over_cv.notify_all();
    display.join();
  };
  // A slot is free again when as many batches later one is issued: no more are under way, and they end in
  // order.
  std::vector<Issued> slots(static_cast<std::size_t>(jobs) * 4);
  std::size_t issues = 0;
  try {
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(jobs));
    tbb::task_arena arena(jobs);
    { const Handover handover; }
    arena.execute([&] {
      tbb::parallel_pipeline(
          slots.size(),
          tbb::make_filter<void, Issued*>(tbb::filter_mode::serial_in_order,
                                          [&](tbb::flow_control& control) -> Issued* {
                                            const Handover handover;
                                            auto issued = issue();
                                            if (!issued) {
                                              control.stop();
                                              return nullptr;
                                            }
                                            Issued& slot = slots[issues++ % slots.size()];
                                            slot = std::move(*issued);
                                            return &slot;
                                          }) &
              tbb::make_filter<Issued*, Issued*>(tbb::filter_mode::parallel,
                                                 [&](Issued* issued) {
                                                   const Handover handover;
                                                   Lane* lane = nullptr;
                                                   idle_.pop(lane);
                                                   try {
                                                     issued->result = lane->run(issued->first, issued->count,
                                                                                *issued->snapshot);
                                                   } catch (...) {
                                                     idle_.push(lane);
                                                     // With the mutex, or one who is about to wait for a
                                                     // commit would wait for ever.
                                                     std::lock_guard lock(mutex_);
                                                     fail();
                                                     throw;
                                                   }
                                                   idle_.push(lane);
                                                   return issued;
                                                 }) &
              tbb::make_filter<Issued*, void>(tbb::filter_mode::serial_in_order, [&](Issued* issued) {
                const Handover handover;
                commit(std::move(*issued));
                *issued = Issued();
              }));
    });
    const Handover handover;
    std::lock_guard lock(mutex_);
    settle_up(true);
  } catch (...) {
    const Handover handover;
    end_display();
    throw;
  }
  end_display();
  show_(status());
  return ended_by_;
}

}  // namespace

std::string_view name(EndedBy e) {
  static constexpr std::string_view kNames[] = {"all cases done", "time is up", "stopped by a signal",
                                                "the disk budget is used up"};
  return kNames[static_cast<int>(e)];
}

std::uint64_t Status::endings(Ending e) const {
  std::uint64_t n = 0;
  for (const auto& [key, cases] : ledger)
    if (key.first == name(e)) n += cases;
  return n;
}

std::uint64_t Status::bugs() const {
  std::uint64_t n = 0;
  for (const auto& [key, cases] : ledger)
    if (key.first == name(Ending::kFinding) && key.second.starts_with("bug ")) n += cases;
  return n;
}

std::size_t Status::reached(const std::string& kind) const {
  std::size_t n = 0;
  for (const auto& [key, cases] : tally.reach) n += key.first == kind;
  return n;
}

Status read_status(Journal& journal) {
  Status s;
  s.system = journal.meta("system");
  const std::string seed = journal.meta("seed");
  s.seed = seed.empty() ? 0 : std::stoull(seed);
  s.cases = journal.next_index();
  if (const std::string jobs = journal.meta("jobs"); !jobs.empty()) s.jobs = std::stoi(jobs);
  s.ledger = journal.ledger();
  s.tally = journal.tally();
  s.groups = journal.groups();
  s.progress = journal.progress();
  if (!s.progress.empty()) s.seconds = s.progress.back().seconds;
  return s;
}

double chance_of_new(const Status& status) {
  std::uint64_t once = 0, all = 0;
  for (const auto& g : status.groups) {
    once += g.cases == 1;
    all += g.cases;
  }
  return all == 0 ? 1 : static_cast<double>(once) / static_cast<double>(all);
}

double chance_of_new_in_an_hour(const Status& status) {
  std::uint64_t all = 0;
  for (const auto& g : status.groups) all += g.cases;
  if (all == 0 || status.seconds <= 0) return 1;
  const double per_hour = static_cast<double>(all) / status.seconds * 3600;
  return 1 - std::exp(per_hour * std::log1p(-std::min(chance_of_new(status), 1 - 1e-12)));
}

double memory_slope(const std::vector<ProgressPoint>& progress) {
  if (progress.size() < 4) return 0;
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = progress.size() / 2; i < progress.size(); ++i) {
    const double x = progress[i].seconds / 3600;
    const auto y = static_cast<double>(progress[i].memory + progress[i].worker_memory);
    n += 1;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  const double d = n * sxx - sx * sx;
  return d > 0 ? (n * sxy - sx * sy) / d : 0;
}

EndedBy run_campaign(const CampaignOptions& options, const std::function<void(const Status&)>& show) {
  return Campaign(options, show).run();
}

}  // namespace mob
