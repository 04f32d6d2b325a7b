using System.Runtime.InteropServices;

namespace LowLatency.Transport.Sockets;

/// <summary>One piece of a gathered send: the system's <c>struct iovec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    internal byte* Start;
    internal nuint Length;
}
