using System.Buffers.Binary;
using System.Buffers.Text;
using System.Numerics;

namespace LowLatency.Core.Routing;

/// <summary>Names that the broker gives: determined by a secret number and a count, and not to be guessed without the first.</summary>
internal static class ServerNames
{
    /// <summary>Characters behind the prefix: 128 bits in base64url.</summary>
    internal const int SuffixLength = 22;

    /// <param name="nonce">Random, the session's.</param>
    /// <param name="number">Another one for each name of the session.</param>
    internal static byte[] Make(ReadOnlySpan<byte> prefix, ulong nonce, ulong number)
    {
        Span<byte> hash = stackalloc byte[16];
        SipHash128(nonce, number, hash);
        byte[] name = new byte[prefix.Length + SuffixLength];
        prefix.CopyTo(name);
        Base64Url.EncodeToUtf8(hash, name.AsSpan(prefix.Length));
        return name;
    }

    // SipHash-2-4 with 128 bits (Aumasson and Bernstein): names that were seen tell nothing about others.
    private static void SipHash128(ulong key, ulong message, Span<byte> hash)
    {
        ulong v0 = key ^ 0x736F6D6570736575;
        ulong v1 = ~key ^ 0x646F72616E646F6D ^ 0xEE;
        ulong v2 = key ^ 0x6C7967656E657261;
        ulong v3 = ~key ^ 0x7465646279746573 ^ message;
        Rounds(2, ref v0, ref v1, ref v2, ref v3);
        v0 ^= message;
        const ulong length = 8ul << 56;
        v3 ^= length;
        Rounds(2, ref v0, ref v1, ref v2, ref v3);
        v0 ^= length;
        v2 ^= 0xEE;
        Rounds(4, ref v0, ref v1, ref v2, ref v3);
        BinaryPrimitives.WriteUInt64LittleEndian(hash, v0 ^ v1 ^ v2 ^ v3);
        v1 ^= 0xDD;
        Rounds(4, ref v0, ref v1, ref v2, ref v3);
        BinaryPrimitives.WriteUInt64LittleEndian(hash[8..], v0 ^ v1 ^ v2 ^ v3);
    }

    private static void Rounds(int count, ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        for (; count > 0; count--)
        {
            v0 += v1;
            v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
            v0 = BitOperations.RotateLeft(v0, 32);
            v2 += v3;
            v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
            v0 += v3;
            v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
            v2 += v1;
            v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
            v2 = BitOperations.RotateLeft(v2, 32);
        }
    }
}
