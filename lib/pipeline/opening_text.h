// How a session begins: what both sides say until it is clear what it is, and the ClientHello
// and certificate where it turns to TLS. Held only that long, and much larger than what the
// rest of a dialogue needs.
#ifndef MAILTAP_LIB_PIPELINE_OPENING_TEXT_H_
#define MAILTAP_LIB_PIPELINE_OPENING_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <variant>

#include "absl/strings/string_view.h"
#include "lib/classify/preface.h"
#include "lib/classify/recogniser.h"
#include "lib/classify/tls_certificate.h"
#include "lib/classify/tls_hello.h"
#include "lib/flow/session.h"

namespace mailtap::pipeline {

struct OpeningText {
  static constexpr uint32_t kTextBytes = 192;  // of each side
  static constexpr uint32_t kNameBytes = classify::TlsHelloParser::kMaxName;

  // Forgets all that was read.
  void Reset();

  absl::string_view text(flow::End end) const { return {buffer + at[end], length[end]}; }
  // Adds to an end's text as far as there is room.
  void Append(flow::End end, const uint8_t* data, uint32_t size);
  // Forgets the whole lines of an end's text, but for its first `kept` bytes.
  void DropLines(flow::End end, std::size_t kept = 0);
  // Whether an end's text has less than a line, and too little of that to tell what it is.
  bool IsStump(flow::End end) const;
  // Whether an end's stream is seen to begin with neither text nor TLS.
  bool BeginsForeign(flow::End end) const;
  bool BeginsForeign() const { return BeginsForeign(0) || BeginsForeign(1); }
  // Whether an end's stream is seen to begin with words: nothing of TLS goes before these.
  bool BeginsInWords(flow::End end) const;
  // Whether what is not its stream's start holds what no line of text does. `gaps`: something
  // is missing of either, and what a stream begins with counts too. Not where that is foreign.
  bool BinaryUnderWay(bool gaps) const;
  // Forgets an end's text under way, but that it was binary: words behind it may tell.
  void DropBinary(flow::End end, uint32_t next);
  // Whether a TLS record that lies within what an end says under way ends where `data`, which
  // starts at number `seq`, has the next one: in a large transfer few start a segment.
  bool ChainsRecords(flow::End end, uint32_t seq, const uint8_t* data, uint32_t size);

  // A ClientHello begins: from here on the client's text gives way to names.
  classify::TlsHelloParser& StartHello(flow::End client);
  classify::TlsHelloParser& hello() { return std::get<classify::TlsHelloParser>(tls); }
  // Its names have been read, and the server's certificate may follow.
  void StartCertificate() { tls.emplace<classify::TlsCertificateParser>().Start(name()); }
  classify::TlsCertificateParser& certificate() {
    return std::get<classify::TlsCertificateParser>(tls);
  }

  classify::Speech Spoken(flow::End end, bool ended) const {
    return {.text = text(end),
            .from_start = from_start[end],
            .ended = ended || text_ended[end],
            .cut = text_ended[end]};
  }

  // What each end said first, in the order of the ends, not of the roles. Once a hello has
  // begun, the server's text and a name. Hyperscan may read a little past a text's end.
  char buffer[2 * kTextBytes + classify::Speech::kSlack];
  uint16_t at[2];          // where in it an end's text lies
  uint16_t length[2];      // bytes of it
  uint32_t begin[2];       // sequence number of the text's start, behind what a proxy was told
  uint32_t record_end[2];  // behind what may be a TLS record, met under way
  uint32_t reread;         // the client's next bytes that are in its text already
  uint32_t next_free;      // the pool's
  bool from_start[2];
  bool text_ended[2];  // the opening is complete, or goes on behind a gap
  bool in_record[2];   // `record_end` is set
  bool was_binary;     // see DropBinary
  bool server_first;
  bool server_proved;   // to be mail's, by its words
  bool server_greeted;  // with what may be mail's
  bool client_foreign;  // what it said was another protocol's, and was refused
  bool hello_cut;       // bytes of the hello are missing: it is judged by what came before
  uint8_t prefaces;     // found so far
  std::variant<classify::TlsHelloParser, classify::TlsCertificateParser> tls;
  classify::Preface preface;

 private:
  char* name() { return buffer + kTextBytes; }
};
static_assert(sizeof(OpeningText::buffer) >= OpeningText::kTextBytes + OpeningText::kNameBytes);
static_assert(OpeningText::kNameBytes >= classify::Speech::kSlack);
static_assert(sizeof(OpeningText) <= 608);

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_OPENING_TEXT_H_
