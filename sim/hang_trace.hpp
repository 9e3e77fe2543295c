// SPDX-License-Identifier: Apache-2.0
// A waveform of a hang, although a Verilated model cannot run backwards: a process forked at the beginning of a list keeps the
// simulator, its memory and its random numbers as they were then. If the list does not end, that process runs it once more,
// with tracing on around the cycle in question; if it ends, the process is dismissed. Nothing is dumped before a hang.
#ifndef HANG_TRACE_HPP
#define HANG_TRACE_HPP

#include <cstdint>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

class HangTrace {
public:
    struct Window {
        uint64_t from, to; // cycles; to 0: nothing to trace
    };

    // True in the process that has been asked for a trace: it runs the list again, then leaves by _exit.
    bool keep(Window *w)
    {
        int pair[2];
        child_ = -1;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return false;
        child_ = fork();
        if (child_ == 0) {
            close(pair[0]);
            if (recv(pair[1], w, sizeof *w, MSG_WAITALL) != sizeof *w || w->to == 0) _exit(0);
            close(pair[1]);
            return true;
        }
        close(pair[1]);
        ask_ = pair[0];
        if (child_ < 0) close(ask_);
        return false;
    }

    // True if the waveform was written.
    bool play(Window w)
    {
        if (child_ <= 0) return false;
        int status = 1;
        bool asked = send(ask_, &w, sizeof w, MSG_NOSIGNAL) == sizeof w;
        close(ask_);
        bool done = waitpid(child_, &status, 0) == child_ && status == 0;
        child_ = -1;
        return asked && done;
    }

    // Said, not only closed: another simulator's child may hold the socket's other end.
    void dismiss() { play({0, 0}); }

private:
    pid_t child_ = -1;
    int ask_ = -1;
};

#endif
