#include "fuzzer/triage/lock.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "fuzzer/base/clock.h"
#include "fuzzer/base/hash.h"
#include "fuzzer/graph/model_io.h"

namespace mob {
namespace {

bool in_word(char ch) {
  return std::isalnum(static_cast<unsigned char>(ch)) || ch == '_' || ch == '.' || ch == '/' || ch == '-';
}

void collect_names(const Graph& g, std::set<std::string, std::less<>>& names) {
  for (const Value& v : g.values) names.insert(v.name);
  for (const Node& n : g.nodes) {
    names.insert(n.name);
    for (const Graph* body : n.bodies()) collect_names(*body, names);
  }
}

// Whether a word is a name of the model, or begins with one that goes on with a sign ("n0_transpose").
bool is_name(std::string_view word, const std::set<std::string, std::less<>>& names) {
  for (std::size_t end = word.size(); end > 0; --end)
    if ((end == word.size() || !std::isalnum(static_cast<unsigned char>(word[end]))) &&
        names.contains(word.substr(0, end)))
      return true;
  return false;
}

// Whether outputs could be told from wrong ones: some element that is decided, finite and not 0.
bool tells(const Reference& r) {
  return std::any_of(r.outputs.begin(), r.outputs.end(), [](const Expected& x) {
    if (x.elements || std::holds_alternative<Strings>(x.data)) return true;
    for (std::size_t i = 0; i < x.count(); ++i)
      if (!x.open_at(i) && std::isfinite(x.value_at(i)) && x.value_at(i) != 0) return true;
    return false;
  });
}

}  // namespace

std::string template_of(std::string_view message) {
  std::string out;
  for (std::size_t i = 0; i < message.size() && out.size() < 160; ++i) {
    const char ch = message[i];
    if (ch == '\'' || ch == '"') {
      const auto end = message.find(ch, i + 1);
      if (end != std::string_view::npos && end - i < 80) {
        out += "'...'";
        i = end;
        continue;
      }
    }
    if (std::isdigit(static_cast<unsigned char>(ch))) {
      if (out.empty() || out.back() != '#') out += '#';
      continue;
    }
    out += ch;
  }
  return out;
}

std::string message_template(std::string_view message, const Model& model) {
  std::set<std::string, std::less<>> names;
  collect_names(model.graph, names);
  names.erase("");
  std::string nameless;
  for (std::size_t i = 0; i < message.size();) {
    std::size_t end = i;
    while (end < message.size() && in_word(message[end])) ++end;
    const std::string_view word = message.substr(i, end - i);
    nameless += !word.empty() && is_name(word, names) ? std::string_view("...") : word;
    if (end < message.size()) nameless += message[end++];
    i = end;
  }
  return template_of(nameless);
}

Lock lock_of(const Case& c, const Judged& judged, const Cause& cause) {
  const Finding& f = *judged.verdict.finding;
  Lock lock{.symptom = f.symptom, .cls = f.cls, .bad = cause.bad, .reference = judged.reference.available()};
  lock.bad.report_passes = false;
  if (!cause.cures.empty()) lock.cure = {cause.cures.front()};
  for (std::size_t i : f.configurations)
    if (judged.configurations[i] == cause.bad && !judged.outcomes[i].ok())
      lock.message = message_template(judged.outcomes[i].message, c.model);
  return lock;
}

std::uint64_t content_key(const Case& c) {
  std::uint64_t key = hash64(serialize(c.model));
  const auto add = [&](const Inputs& inputs) {
    key = hash64("inputs", key);
    for (const auto& [name, tensor] : inputs) {
      key = hash64(name, key);
      key = hash64(show(tensor.type()), key);
      if (tensor.is_string())
        for (const std::string& s : tensor.strings()) key = hash64(s, key);
      else
        key = hash64(tensor.raw(), key);
    }
  };
  add(c.inputs);
  for (const Inputs& b : c.bindings) add(b);
  return key;
}

Trials::Trials(std::vector<Judge*> judges, const Executor& executor, Lock lock, TrialLimits limits)
    : judges_(std::move(judges)),
      executor_(executor),
      lock_(std::move(lock)),
      limits_(limits),
      started_(seconds_now()) {}

bool Trials::exhausted() const {
  return limits_.stopped() || checks_ >= limits_.checks ||
         (limits_.seconds > 0 && seconds_now() - started_ > limits_.seconds);
}

Shown Trials::look(const Case& variant, Judge& judge) const {
  const Reference reference = evaluate(variant);
  if (lock_.reference && !reference.available()) return Shown::kOther;
  std::vector<Configuration> configurations = {{.level = 0}};
  add_without(lock_.bad, {}, false, configurations);
  const Judged judged = judge.judge_apart(variant, configurations, false, &reference);
  if (judged.verdict.kind == Verdict::Kind::kAgree)
    return lock_.symptom != Symptom::kWrongNumbers || reference.random || tells(reference) ? Shown::kRight
                                                                                           : Shown::kOther;
  if (!mob::shows(judged, lock_.symptom, lock_.cls)) return Shown::kOther;
  const Outcome& bad = judged.outcomes.back();
  const std::string message = bad.ok() ? "" : message_template(bad.message, variant.model);
  return message == lock_.message ? Shown::kSame : Shown::kOther;
}

bool Trials::cured(const Case& variant, Judge& judge) const {
  if (lock_.cure.empty()) return true;
  std::vector<Configuration> configurations = {{.level = 0}};
  add_without(lock_.bad, lock_.cure, false, configurations);
  const Judged judged = judge.judge_apart(variant, configurations);
  return judged.outcomes.back().ok() && !mob::shows(judged, lock_.symptom, lock_.cls);
}

std::vector<Shown> Trials::run(std::span<const Case> variants) {
  std::vector<Shown> answers(variants.size(), Shown::kOther);
  std::vector<std::uint64_t> keys;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    keys.push_back(content_key(variants[i]));
    if (const auto at = known_.find(keys[i]); at != known_.end())
      answers[i] = at->second;
    else if (!exhausted()) {
      open.push_back(i);
      ++checks_;
    }
  }
  executor_.run(open.size(), [&](std::size_t task, int lane) {
    answers[open[task]] = look(variants[open[task]], judge(lane));
  });
  for (std::size_t i : open) known_.emplace(keys[i], answers[i]);
  return answers;
}

std::optional<std::size_t> Trials::first_locked(std::span<const Case> variants) {
  const auto lanes = static_cast<std::size_t>(executor_.lanes);
  for (std::size_t from = 0; from < variants.size() && !exhausted(); from += lanes) {
    const std::size_t count = std::min(lanes, variants.size() - from);
    const int before = checks_;
    const std::vector<Shown> answers = run(variants.subspan(from, count));
    for (std::size_t i = 0; i < count; ++i) {
      if (answers[i] != Shown::kSame) continue;
      const Case& variant = variants[from + i];
      if (!check_model(variant.model).empty() || !cured(variant, judge())) {
        known_[content_key(variant)] = Shown::kOther;
        continue;
      }
      // What ran beside it and behind it is not counted: the limit falls at the same place for any lanes.
      checks_ = std::min(checks_, before + static_cast<int>(i) + 1);
      return from + i;
    }
  }
  return std::nullopt;
}

bool Trials::fires(const Case& variant, const std::string& pass) {
  Configuration telling = lock_.bad;
  telling.reload = false;
  telling.report_passes = true;
  const std::vector<Outcome> outcomes = judge().run_apart(variant, {telling});
  return std::find(outcomes[0].passes.begin(), outcomes[0].passes.end(), pass) != outcomes[0].passes.end();
}

}  // namespace mob
