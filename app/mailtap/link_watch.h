// Tells of ports that lose their link: no packet, no other word of it.
#ifndef MAILTAP_APP_MAILTAP_LINK_WATCH_H_
#define MAILTAP_APP_MAILTAP_LINK_WATCH_H_

#include <map>
#include <string>

namespace mailtap::app {

enum class Link { kUp, kDown, kGone };  // gone: the interface was deleted

// One thread.
class LinkWatch {
 public:
  // What the link of `port` is now. A change is logged, once; so is a port that begins without.
  void Look(const std::string& port, Link link);

 private:
  std::map<std::string, Link> known_;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_LINK_WATCH_H_
