#include "mutators/choices.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"

namespace mob {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& value, const std::string& wanted) {
  throw UserError("setting " + name + "=" + value + ": write " + wanted);
}

template <class T>
T parsed(const std::string& name, const std::string& words, T low, T high, const std::string& wanted) {
  T x{};
  const char* end = words.data() + words.size();
  const auto [stop, error] = std::from_chars(words.data(), end, x);
  if (error != std::errc() || stop != end || !(low <= x && x <= high)) refuse(name, words, wanted);
  return x;
}

constexpr double kAny = std::numeric_limits<double>::infinity();

}  // namespace

const std::string* Choices::asked(const std::string& name) {
  for (const auto& [made, value] : made_)
    if (made == name) return &value;
  const auto at = given_.find(name);
  return at == given_.end() ? nullptr : &at->second;
}

void Choices::note(const std::string& name, std::string value) {
  for (const auto& [made, before] : made_)
    if (made == name) return;
  made_.emplace_back(name, std::move(value));
}

std::string Choices::word(const std::string& name, std::initializer_list<std::string_view> words) {
  if (const std::string* w = asked(name)) {
    if (std::find(words.begin(), words.end(), *w) == words.end())
      refuse(name, *w, "one of " + join({words.begin(), words.end()}, ", "));
    note(name, *w);
    return *w;
  }
  std::string drawn(rng_->pick(words));
  note(name, drawn);
  return drawn;
}

double Choices::real(const std::string& name, double low, double high) {
  if (const std::string* w = asked(name)) {
    const double x =
        parsed(name, *w, low, high, "a number from " + show_number(low) + " to " + show_number(high));
    note(name, *w);
    return x;
  }
  // What is written down is what is used.
  const std::string drawn = show_number(rng_->uniform(low, high));
  note(name, drawn);
  return std::clamp(parsed(name, drawn, -kAny, kAny, ""), low, high);
}

std::int64_t Choices::whole(const std::string& name, std::int64_t low, std::int64_t high) {
  if (const std::string* w = asked(name)) {
    const auto x = parsed(name, *w, low, high,
                          "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    note(name, *w);
    return x;
  }
  const std::int64_t drawn = rng_->range(low, high);
  note(name, std::to_string(drawn));
  return drawn;
}

bool Choices::yes(const std::string& name, double chance) {
  if (const std::string* w = asked(name)) {
    if (*w != "yes" && *w != "no") refuse(name, *w, "yes or no");
    const bool y = *w == "yes";
    note(name, y ? "yes" : "no");
    return y;
  }
  const bool y = rng_->chance(chance);
  note(name, y ? "yes" : "no");
  return y;
}

DType Choices::type(const std::string& name, std::initializer_list<DType> types) {
  if (const std::string* w = asked(name)) {
    for (DType t : types)
      if (mob::name(t) == *w) {
        note(name, std::string(mob::name(t)));
        return t;
      }
    std::vector<std::string> words;
    for (DType t : types)  // a type may stand there twice, to be drawn more often
      if (std::find(words.begin(), words.end(), mob::name(t)) == words.end())
        words.emplace_back(mob::name(t));
    refuse(name, *w, "one of " + join(words, ", "));
  }
  const DType t = rng_->pick(types);
  note(name, std::string(mob::name(t)));
  return t;
}

std::string Choices::settings() const {
  std::vector<std::string> words;
  for (const auto& [name, value] : made_) {
    words.push_back(name);
    words.back().append("=").append(value);
  }
  return join(words, " ");
}

void Choices::finish(std::string_view mutator) const {
  for (const auto& given : given_)
    if (const std::string& name = given.first;
        name != "places" &&
        std::none_of(made_.begin(), made_.end(), [&](const auto& m) { return m.first == name; }))
      throw UserError(std::string(mutator) + " has no setting " + name + " here (it used: " + settings() +
                      ")");
}

}  // namespace mob
