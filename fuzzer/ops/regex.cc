#include "fuzzer/ops/regex.h"

#include <algorithm>

#include "fuzzer/ops/expected.h"

namespace mob::ops {
namespace {

constexpr std::size_t kLongest = 1000;  // pattern and text
constexpr int kMostTimes = 1000;        // RE2's own limit of a counted repetition
constexpr int kDeepest = 8;             // groups within groups, each of which may double the work

[[noreturn]] void beyond() {
  throw Unsupported("a regular expression beyond the plain ones");
}

// What \w and \b take for a part of a word.
bool of_word(char32_t c) {
  return (c >= U'0' && c <= U'9') || (c >= U'A' && c <= U'Z') || (c >= U'a' && c <= U'z') || c == U'_';
}

}  // namespace

std::u32string characters(std::string_view utf8) {
  std::u32string out;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const int more = lead < 0x80   ? 0
                     : lead < 0xC2 ? -1
                     : lead < 0xE0 ? 1
                     : lead < 0xF0 ? 2
                     : lead < 0xF5 ? 3
                                   : -1;
    if (more < 0 || i + static_cast<std::size_t>(more) >= utf8.size()) throw Unsupported("malformed UTF-8");
    char32_t c = more == 0 ? lead : lead & (0x3Fu >> more);
    for (int k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(utf8[i + static_cast<std::size_t>(k)]);
      if (next >> 6 != 2) throw Unsupported("malformed UTF-8");
      c = c << 6 | (next & 0x3Fu);
    }
    if ((more == 2 && c < 0x800) || (more == 3 && c < 0x10000) || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
      throw Unsupported("malformed UTF-8");
    out.push_back(c);
    i += static_cast<std::size_t>(more) + 1;
  }
  return out;
}

class Regex::Parser {
 public:
  explicit Parser(std::u32string pattern) : pattern_(std::move(pattern)) {}

  Node parse() {
    Node all = alternatives();
    if (at_ != pattern_.size()) beyond();  // an unopened parenthesis
    return all;
  }

 private:
  bool more() const { return at_ < pattern_.size(); }
  char32_t peek() const { return more() ? pattern_[at_] : U'\0'; }
  bool take(char32_t c) {
    if (!more() || pattern_[at_] != c) return false;
    ++at_;
    return true;
  }
  char32_t next() {
    if (!more()) beyond();
    return pattern_[at_++];
  }

  Node alternatives() {
    Node node{Kind::kAlternatives};
    do node.parts.push_back(sequence());
    while (take(U'|'));
    return node;
  }

  Node sequence() {
    Node node{Kind::kSequence};
    while (more() && peek() != U'|' && peek() != U')') node.parts.push_back(repeated());
    return node;
  }

  Node repeated() {
    Node node = atom();
    Node times{Kind::kRepetition};
    if (take(U'*')) {
    } else if (take(U'+')) {
      times.least = 1;
    } else if (take(U'?')) {
      times.most = 1;
    } else if (take(U'{')) {
      count(times);
      if (counted(node)) beyond();  // RE2 limits the product
    } else {
      return node;
    }
    if (node.kind == Kind::kStart || node.kind == Kind::kEnd || node.kind == Kind::kBoundary) beyond();
    take(U'?');  // lazy or not: the whole text must match
    if (peek() == U'*' || peek() == U'+' || peek() == U'?' || peek() == U'{') beyond();
    times.parts.push_back(std::move(node));
    return times;
  }

  static bool counted(const Node& node) {
    return (node.kind == Kind::kRepetition && (node.least > 1 || node.most > 1)) ||
           std::any_of(node.parts.begin(), node.parts.end(), counted);
  }

  // {n}, {n,}, {n,m}. Other things in braces are literals.
  void count(Node& times) {
    times.least = number();
    times.most = times.least;
    if (take(U',')) times.most = peek() == U'}' ? -1 : number();
    if (!take(U'}') || (times.most >= 0 && times.most < times.least)) beyond();
  }
  int number() {
    int n = 0, digits = 0;
    for (; peek() >= U'0' && peek() <= U'9'; ++digits)
      n = std::min(n * 10 + static_cast<int>(next() - U'0'), kMostTimes + 1);
    if (digits == 0 || n > kMostTimes) beyond();
    return n;
  }

  Node atom() {
    const char32_t c = next();
    switch (c) {
      case U'(': {
        if (take(U'?') && !take(U':')) beyond();
        if (++depth_ > kDeepest) beyond();
        Node group = alternatives();
        --depth_;
        if (!take(U')')) beyond();
        return group;
      }
      case U'[':
        return set();
      case U'\\':
        if (take(U'b')) return {Kind::kBoundary};
        return escaped();
      case U'.':
        return {Kind::kCharacters, {{U'\n', U'\n'}}, true};
      case U'^':
        return {Kind::kStart};
      case U'$':
        return {Kind::kEnd};
      case U'*':
      case U'+':
      case U'?':
      case U'{':
      case U'}':
      case U']':
        beyond();
      default:
        return literal(c);
    }
  }

  static Node literal(char32_t c) { return {Kind::kCharacters, {{c, c}}}; }
  static bool punctuation(char32_t c) {
    return c > U' ' && c < 0x7F && !(c >= U'0' && c <= U'9') && !(c >= U'A' && c <= U'Z') &&
           !(c >= U'a' && c <= U'z');
  }

  // What stands behind a backslash.
  Node escaped() {
    const char32_t c = next();
    if (punctuation(c)) return literal(c);
    Node node{Kind::kCharacters};
    node.negated = c == U'D' || c == U'W' || c == U'S';
    switch (c) {
      case U'd':
      case U'D':
        node.ranges = {{U'0', U'9'}};
        break;
      case U'w':
      case U'W':
        node.ranges = {{U'0', U'9'}, {U'A', U'Z'}, {U'a', U'z'}, {U'_', U'_'}};
        break;
      case U's':
      case U'S':
        node.ranges = {{U'\t', U'\n'}, {U'\f', U'\r'}, {U' ', U' '}};
        break;
      default:
        beyond();
    }
    return node;
  }

  Node set() {
    Node node{Kind::kCharacters};
    node.negated = take(U'^');
    if (peek() == U']') beyond();
    while (!take(U']')) {
      char32_t first = next();
      if (first == U'[' || first == U'-') {
        if (first == U'[' || peek() != U']') beyond();  // named classes; a hyphen that is not the last
      }
      if (first == U'\\') {
        const Node inner = escaped();
        if (inner.negated) beyond();
        if (inner.ranges.size() > 1 || inner.ranges[0].first != inner.ranges[0].last) {
          node.ranges.insert(node.ranges.end(), inner.ranges.begin(), inner.ranges.end());
          if (peek() == U'-') beyond();
          continue;
        }
        first = inner.ranges[0].first;
      }
      char32_t last = first;
      if (peek() == U'-' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != U']') {
        ++at_;
        last = next();
        if (last == U'[' || last == U'\\' || last < first) beyond();
      }
      node.ranges.push_back({first, last});
    }
    return node;
  }

  std::u32string pattern_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

Regex::Regex(std::string_view pattern) {
  if (pattern.size() > kLongest) beyond();
  root_ = Parser(characters(pattern)).parse();
}

Regex::Places Regex::ends(const Node& node, const std::u32string& text, const Places& from) {
  Places to(from.size(), false);
  switch (node.kind) {
    case Kind::kCharacters:
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (!from[i]) continue;
        const bool listed = std::any_of(node.ranges.begin(), node.ranges.end(), [&](const Range& r) {
          return text[i] >= r.first && text[i] <= r.last;
        });
        if (listed != node.negated) to[i + 1] = true;
      }
      return to;
    case Kind::kSequence:
      to = from;
      for (const Node& part : node.parts) to = ends(part, text, to);
      return to;
    case Kind::kAlternatives:
      for (const Node& part : node.parts) {
        const Places some = ends(part, text, from);
        for (std::size_t i = 0; i < to.size(); ++i) to[i] = to[i] || some[i];
      }
      return to;
    case Kind::kRepetition: {
      Places now = from;
      for (int k = 0; k < node.least; ++k) now = ends(node.parts[0], text, now);
      to = now;
      for (int k = node.least; node.most < 0 || k < node.most; ++k) {
        now = ends(node.parts[0], text, now);
        bool grown = false;
        for (std::size_t i = 0; i < to.size(); ++i) {
          grown = grown || (now[i] && !to[i]);
          to[i] = to[i] || now[i];
        }
        if (!grown) break;
        now = to;
      }
      return to;
    }
    case Kind::kStart:
      to[0] = from[0];
      return to;
    case Kind::kEnd:
      to[text.size()] = from[text.size()];
      return to;
    case Kind::kBoundary:
      for (std::size_t i = 0; i < from.size(); ++i)
        to[i] = from[i] && (i > 0 && of_word(text[i - 1])) != (i < text.size() && of_word(text[i]));
      return to;
  }
  return to;
}

bool Regex::matches(std::string_view utf8) const {
  if (utf8.size() > kLongest) throw Unsupported("a long text for a regular expression");
  const std::u32string text = characters(utf8);
  Places from(text.size() + 1, false);
  from[0] = true;
  return ends(root_, text, from)[text.size()];
}

}  // namespace mob::ops
