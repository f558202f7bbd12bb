// StringConcat, StringSplit, StringNormalizer, RegexFullMatch. A string cannot be open: what runtimes do not
// agree upon is not covered.
#include <algorithm>

#include "fuzzer/ops/kernels.h"
#include "fuzzer/ops/regex.h"

namespace mob::ops {
namespace {

const Strings& strings(const Inference& inf, std::size_t i) {
  const auto* s = std::get_if<Strings>(&inf.input(i).data);
  if (s == nullptr) throw InvalidNode("input " + std::to_string(i) + " holds no strings");
  return *s;
}

bool ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Tensor draw_strings(Draft& d, Dims dims, const std::vector<std::string>& words) {
  std::vector<std::string> drawn(static_cast<std::size_t>(element_count(dims)));
  for (auto& w : drawn) w = d.rng().pick(words);
  return Tensor(std::move(dims), std::move(drawn));
}
Dims draw_dims(Draft& d) {
  Dims dims;
  for (std::int64_t rank = d.rng().range(1, 3); rank-- > 0;) dims.push_back(d.size());
  return dims;
}

// --- StringConcat ---

void infer_concat(Inference& inf) {
  strings(inf, 0);
  strings(inf, 1);
  infer_broadcast(inf);
}

void evaluate_concat(Evaluation& ev) {
  const Strings &a = strings(ev, 0), &b = strings(ev, 1);
  const Dims& dims = ev.output().type.dims;
  const auto ma = broadcast_map(ev.dims(0), dims), mb = broadcast_map(ev.dims(1), dims);
  auto& y = std::get<Strings>(ev.output().data);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[at(ma, i)] + b[at(mb, i)];
}

bool draft_concat(Draft& d) {
  return draft_binary(d, {}, {}, DType::kString);
}

// --- StringSplit ---

// At white space, of which only the blank is agreed upon.
std::vector<std::string> words_of(std::string_view text, std::int64_t most) {
  for (char c : text)
    if (static_cast<unsigned char>(c) >= 0x80 || (c < ' ' && c != 0))
      throw Unsupported("white space other than blanks");
  std::vector<std::string> words;
  std::size_t i = 0;
  while ((i = text.find_first_not_of(' ', i)) != std::string_view::npos) {
    if (static_cast<std::int64_t>(words.size()) == most) {
      if (text.back() == ' ') throw Unsupported("blanks at the end of what is not split");
      words.emplace_back(text.substr(i));
      return words;
    }
    const std::size_t end = std::min(text.find(' ', i), text.size());
    words.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return words;
}

std::vector<std::string> parts_of(std::string_view text, std::string_view delimiter, std::int64_t most) {
  if (text.empty()) throw Unsupported("the number of parts of an empty string");
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end =
        static_cast<std::int64_t>(parts.size()) == most ? std::string_view::npos : text.find(delimiter);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + delimiter.size());
  }
}

std::vector<std::vector<std::string>> split(const Inference& inf) {
  const std::string delimiter = inf.node().string_or("delimiter", "");
  const std::int64_t most = inf.node().int_or("maxsplit", -1);  // below 0: as often as it goes
  std::vector<std::vector<std::string>> parts;
  for (const std::string& text : strings(inf, 0))
    parts.push_back(delimiter.empty() ? words_of(text, most) : parts_of(text, delimiter, most));
  return parts;
}

void infer_split(Inference& inf) {
  std::size_t longest = 0;
  for (const auto& parts : split(inf)) longest = std::max(longest, parts.size());
  Dims dims = inf.dims(0);
  inf.set_output(1, {DType::kInt64, dims});
  dims.push_back(static_cast<std::int64_t>(longest));
  inf.set_output(0, {DType::kString, dims});
}

void evaluate_split(Evaluation& ev) {
  const auto split_texts = split(ev);
  const auto longest = static_cast<std::size_t>(ev.output().type.dims.back());
  auto& y = std::get<Strings>(ev.output().data);
  for (std::size_t i = 0; i < split_texts.size(); ++i) {
    std::copy(split_texts[i].begin(), split_texts[i].end(),
              y.begin() + static_cast<std::ptrdiff_t>(i * longest));
    if (ev.wants(1)) ev.out_ints(1).v[i] = static_cast<std::int64_t>(split_texts[i].size());
  }
}

bool draft_split(Draft& d) {
  Rng& rng = d.rng();
  const bool blanks = rng.chance(0.5);
  if (rng.chance(0.5))
    d.input({.types = drawable(d, "T1", DType::kString)});
  else
    d.input(draw_strings(d, draw_dims(d),
                         blanks ? std::vector<std::string>{"a b c", " a  b", "a", "", "a,b c"}
                                : std::vector<std::string>{"a,b,c", ",a,,b", "a", ",", "a, b"}));
  if (!blanks)
    d.attribute("delimiter", std::string(rng.pick({",", ",", "b", ",,"})));
  else if (rng.chance(0.2))
    d.attribute("delimiter", std::string());
  if (rng.chance(0.4)) d.attribute("maxsplit", rng.range(0, 3));
  d.outputs(2);
  return true;
}

// --- StringNormalizer ---

enum class Case { kNone, kLower, kUpper };

Case case_of(const Inference& inf) {
  const std::string action = inf.node().string_or("case_change_action", "NONE");
  if (action == "NONE") return Case::kNone;
  if (action == "LOWER") return Case::kLower;
  if (action == "UPPER") return Case::kUpper;
  throw InvalidNode("there is no case_change_action '" + action + "'");
}

// Letters other than those of ASCII, and other languages' rules, are a matter of the system's locales.
std::string with_case(std::string s, Case how) {
  if (how == Case::kNone) return s;
  if (!ascii(s)) throw Unsupported("upper and lower case beyond ASCII");
  for (char& c : s)
    if (how == Case::kLower ? c >= 'A' && c <= 'Z' : c >= 'a' && c <= 'z') c = static_cast<char>(c ^ 0x20);
  return s;
}

Strings normalized(const Inference& inf) {
  const Node& node = inf.node();
  const Case change = case_of(inf);
  const bool sensitive = node.int_or("is_case_sensitive", 0) != 0;
  Strings stopwords;
  if (const Attribute* a = node.attribute("stopwords")) {
    const auto* given = std::get_if<std::vector<std::string>>(&a->value);
    if (given == nullptr) throw InvalidNode("stopwords are no strings");
    stopwords = *given;
  }
  const Case compared = sensitive || stopwords.empty() ? Case::kNone : Case::kLower;
  const std::string locale = node.string_or("locale", "en_US");
  if ((change != Case::kNone || compared != Case::kNone) && locale != "C" && !locale.starts_with("en_"))
    throw Unsupported("upper and lower case of locale " + locale);
  for (auto& w : stopwords) w = with_case(w, compared);
  Strings kept;
  for (const std::string& s : strings(inf, 0))
    if (std::find(stopwords.begin(), stopwords.end(), with_case(s, compared)) == stopwords.end())
      kept.push_back(with_case(s, change));
  if (kept.empty()) kept.emplace_back();
  return kept;
}

void infer_normalizer(Inference& inf) {
  const Dims& dims = inf.dims(0);
  if (dims.empty() || dims.size() > 2 || dims.back() == 0 || (dims.size() == 2 && dims[0] != 1))
    throw InvalidNode("X is neither [C] nor [1, C]");
  Dims out = dims;
  out.back() = static_cast<std::int64_t>(normalized(inf).size());
  inf.set_output(0, {DType::kString, out});
}

void evaluate_normalizer(Evaluation& ev) {
  std::get<Strings>(ev.output().data) = normalized(ev);
}

bool draft_normalizer(Draft& d) {
  Rng& rng = d.rng();
  // onnx's shape inference refuses a first dimension that is not known to be 1.
  if (rng.chance(0.15))
    d.input(draw_strings(d, {1, rng.range(1, 4)}, {"w1", "W0", "A b", ""}));
  else
    d.input({.types = drawable(d, d.schema().inputs.at(0).name, DType::kString),
             .dims = Dims{kAny},
             .min_size = 1});
  const bool stopwords = rng.chance(0.6), sensitive = rng.chance(0.5);
  if (stopwords)
    d.attribute("stopwords", rng.chance(0.5) ? std::vector<std::string>{"w1", "A b"}
                                             : std::vector<std::string>{"W0", "w2", "w3", "w1"});
  if (sensitive || rng.chance(0.3)) d.attribute("is_case_sensitive", std::int64_t{sensitive});
  const std::string change = rng.pick({"NONE", "LOWER", "UPPER"});
  if (change != "NONE" || rng.chance(0.3)) d.attribute("case_change_action", change);
  // The default locale is not installed everywhere.
  if (change != "NONE" || (stopwords && !sensitive)) d.attribute("locale", std::string("C"));
  return true;
}

// --- RegexFullMatch ---

void infer_regex(Inference& inf) {
  strings(inf, 0);
  inf.set_output(0, {DType::kBool, inf.dims(0)});
}

void evaluate_regex(Evaluation& ev) {
  if (!ev.node().has("pattern")) throw Unsupported("a match without a pattern");
  const Regex regex(ev.node().string_or("pattern", ""));
  const Strings& x = strings(ev, 0);
  for (std::size_t i = 0; i < x.size(); ++i) ev.out_ints().v[i] = regex.matches(x[i]);
}

bool draft_regex(Draft& d) {
  Rng& rng = d.rng();
  if (rng.chance(0.6))
    d.input({.types = drawable(d, "T1", DType::kString)});
  else
    d.input(draw_strings(d, draw_dims(d), {"ab", "aab", "a1", "12", "", "a.b", "A b", "b"}));
  d.attribute("pattern",
              std::string(rng.pick({"w\\d", "[a-z]+\\d?", ".*", "(w0|w1)+", "", "a+b", "[^w].*", "(?:a|b)*",
                                    "\\w{1,2}", "a\\.b|A b", "^a.?b$", "\\S*\\s\\S+?"})));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "StringConcat",
     .since = 20,
     .draft = draft_concat,
     .infer = infer_concat,
     .evaluate = evaluate_concat},
    {.name = "StringSplit",
     .since = 20,
     .draft = draft_split,
     .infer = infer_split,
     .evaluate = evaluate_split},
    {.name = "StringNormalizer",
     .since = 10,
     .draft = draft_normalizer,
     .infer = infer_normalizer,
     .evaluate = evaluate_normalizer},
    {.name = "RegexFullMatch",
     .since = 20,
     .draft = draft_regex,
     .infer = infer_regex,
     .evaluate = evaluate_regex},
};

}  // namespace

namespace family {
extern constinit const Family strings = specs;
}

}  // namespace mob::ops
