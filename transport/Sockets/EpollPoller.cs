using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LowLatency.Transport.Sockets;

/// <summary>Edge-triggered epoll. Each socket is registered once, for both directions, and never changed.</summary>
internal sealed unsafe class EpollPoller : Poller
{
    // struct epoll_event { u32 events; u64 data; } is packed on x64 only.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventLength = DataOffset + sizeof(ulong);

    private const ulong WakeKey = ulong.MaxValue;

    private readonly int _epoll;
    private readonly int _wake;
    private readonly byte* _collected;

    internal EpollPoller()
    {
        _epoll = LibC.EpollCreate(LibC.EpollCloseOnExec);
        if (_epoll < 0)
            ThrowLastError("create an epoll instance");
        _wake = LibC.EventFd(0, LibC.EventFdFlags);
        if (_wake < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            _ = LibC.Close(_epoll);
            throw Failure("create an event descriptor", error);
        }

        _collected = (byte*)NativeMemory.Alloc(EventCapacity, (nuint)EventLength);

        // Edge-triggered: every write wakes once, and the counter never needs to be read back.
        Register(_wake, WakeKey, LibC.EpollIn | LibC.EpollEdge);
    }

    internal override void Add(TcpSocket socket, int key)
        => Register(socket.Descriptor, (uint)key, LibC.EpollIn | LibC.EpollOut | LibC.EpollPeerHangUp | LibC.EpollEdge);

    internal override void Add(TcpAcceptor acceptor, int key) => Register(acceptor.Descriptor, (uint)key, LibC.EpollIn | LibC.EpollEdge);

    internal override void Remove(TcpSocket socket, int key) => _ = LibC.EpollControl(_epoll, LibC.EpollCtlDelete, socket.Descriptor, null);

    internal override void Remove(TcpAcceptor acceptor, int key) => _ = LibC.EpollControl(_epoll, LibC.EpollCtlDelete, acceptor.Descriptor, null);

    // The kernel remembers that the socket would block: the next edge is reported anyway.
    internal override void Await(int key, PollReadiness readiness)
    {
    }

    internal override void Wake()
    {
        ulong one = 1;
        _ = LibC.Write(_wake, &one, sizeof(ulong)); // Fails only when the counter is full, and then the poller is awake.
    }

    protected override void Collect(int timeoutMs)
    {
        int count = LibC.EpollWait(_epoll, _collected, EventCapacity, timeoutMs);
        if (count < 0)
        {
            if (Marshal.GetLastPInvokeError() == LibC.ErrorInterrupted)
                return;
            ThrowLastError("wait for sockets");
        }

        for (int i = 0; i < count; i++)
        {
            byte* collected = _collected + i * EventLength;
            ulong key = Unsafe.ReadUnaligned<ulong>(collected + DataOffset);
            if (key != WakeKey)
                Report((int)key, ToReadiness(Unsafe.ReadUnaligned<uint>(collected)));
        }
    }

    protected override void Release()
    {
        _ = LibC.Close(_wake);
        _ = LibC.Close(_epoll);
        NativeMemory.Free(_collected);
    }

    // An error or hang-up shows in whatever the owner tries next, so it counts as both.
    private static PollReadiness ToReadiness(uint events)
    {
        PollReadiness readiness = PollReadiness.None;
        if ((events & (LibC.EpollIn | LibC.EpollPeerHangUp | LibC.EpollHangUp | LibC.EpollError)) != 0)
            readiness |= PollReadiness.Readable;
        if ((events & (LibC.EpollOut | LibC.EpollHangUp | LibC.EpollError)) != 0)
            readiness |= PollReadiness.Writable;
        return readiness;
    }

    private void Register(int descriptor, ulong key, uint events)
    {
        byte* epollEvent = stackalloc byte[EventLength];
        Unsafe.WriteUnaligned(epollEvent, events);
        Unsafe.WriteUnaligned(epollEvent + DataOffset, key);
        if (LibC.EpollControl(_epoll, LibC.EpollCtlAdd, descriptor, epollEvent) < 0)
            ThrowLastError("watch a socket");
    }

    private static void ThrowLastError(string what) => throw Failure(what, Marshal.GetLastPInvokeError());

    private static Win32Exception Failure(string what, int error)
        => new(error, $"The system refused to {what}: {Marshal.GetPInvokeErrorMessage(error)}. Check the limit of open files (ulimit -n).");
}
