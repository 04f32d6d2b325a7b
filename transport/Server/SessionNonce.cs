using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace LowLatency.Transport.Server;

/// <summary>Random numbers for new sessions: the engine, which has none of its own, makes names from them that cannot be guessed.</summary>
internal static class SessionNonce
{
    /// <summary>The next one. Any thread.</summary>
    internal static ulong Next()
    {
        ulong nonce = 0;
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(new Span<ulong>(ref nonce)));
        return nonce;
    }
}
