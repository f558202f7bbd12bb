#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"

namespace mob::cli {

#define COMMAND(name)        \
  namespace commands {       \
  extern const Command name; \
  }
#include "fuzzer/cli/all.def"
#undef COMMAND

const std::vector<const Command*>& all_commands() {
  static const std::vector<const Command*> list = {
#define COMMAND(name) &commands::name,
#include "fuzzer/cli/all.def"
#undef COMMAND
  };
  return list;
}

static int run(int argc, char** argv) {
  CLI::App app(
      "mobster hunts model-optimization bugs: faults that an optimizer puts into a model that was right "
      "before.");
  app.set_version_flag("--version", std::string("mobster ") + version());
  app.require_subcommand(1);
  app.footer("Exit codes: 0 nothing found, 1 findings, 2 bad input or usage, 3 a slip of mobster's own.");
  std::vector<std::pair<CLI::App*, std::function<int()>>> actions;
  for (const Command* c : all_commands()) {
    CLI::App* sub = app.add_subcommand(std::string(c->name), std::string(c->what));
    actions.emplace_back(sub, c->set_up(*sub));
  }
  const auto is_named = [&](const Command* c) { return argc > 1 && c->name == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && std::none_of(all_commands().begin(), all_commands().end(), is_named))
    throw UserError("unknown command '" + std::string(argv[1]) + "' (see mobster --help)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    std::fprintf(stderr, "mobster: %s (see mobster --help)\n", one_line(e.what()).c_str());
    return kBadInput;
  }
  for (const auto& [sub, action] : actions)
    if (sub->parsed()) return action();
  return kBadInput;
}

}  // namespace mob::cli

int main(int argc, char** argv) {
  // A worker's death must not be ours, nor a reader of our output who leaves early.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return mob::cli::run(argc, argv);
  } catch (const mob::UserError& e) {
    std::fprintf(stderr, "mobster: %s\n", mob::one_line(e.what(), 1000).c_str());
    return mob::cli::kBadInput;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "mobster: out of memory\n");
    return mob::cli::kBadInput;
  } catch (const std::system_error& e) {
    // Whoever read our output has left (`mobster status DIR | head`).
    if (e.code().value() == EPIPE) return mob::cli::kNothingFound;
    mob::slip(__FILE__, __LINE__, e.what());
  } catch (const std::exception& e) {
    mob::slip(__FILE__, __LINE__, e.what());
  }
}
