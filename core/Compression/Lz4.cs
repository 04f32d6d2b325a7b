using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace LowLatency.Core.Compression;

/// <summary>The system's LZ4 library: single blocks, without the frames of its own format around them.</summary>
/// <remarks>
/// Looked for when it is asked for, never linked to: a machine without it does everything but compress. What is loaded stays loaded. Any thread; no
/// allocation after <see cref="TryLoad"/>. The functions take as long as 100 microseconds: no call suppresses the garbage collector's transition.
/// </remarks>
internal sealed unsafe class Lz4
{
    /// <summary>Its name on Linux: version 1 of the interface.</summary>
    internal const string Library = "liblz4.so.1";

    /// <summary>Environment variable with another name or path.</summary>
    internal const string LibraryVariable = "LOWLATENCY_LZ4";

    private readonly delegate* unmanaged<byte*, byte*, byte*, int, int, int, int> _compress;
    private readonly delegate* unmanaged<byte*, byte*, int, int, int> _decompress;

    private Lz4(nint compress, nint decompress, int stateLength)
    {
        _compress = (delegate* unmanaged<byte*, byte*, byte*, int, int, int, int>)compress;
        _decompress = (delegate* unmanaged<byte*, byte*, int, int, int>)decompress;
        StateLength = stateLength;
    }

    /// <summary>Bytes of memory that <see cref="Compress"/> works with.</summary>
    internal int StateLength { get; }

    /// <summary>Loads the library.</summary>
    /// <param name="name">Null for what the environment says, or else <see cref="Library"/>.</param>
    /// <param name="lz4">The library.</param>
    /// <param name="problem">Why there is none, and what to do, in a sentence.</param>
    internal static bool TryLoad(string? name, [NotNullWhen(true)] out Lz4? lz4, [NotNullWhen(false)] out string? problem)
    {
        name ??= Environment.GetEnvironmentVariable(LibraryVariable) is { Length: > 0 } other ? other : Library;
        lz4 = null;
        problem = null;
        if (!NativeLibrary.TryLoad(name, out nint library))
            problem = $"The LZ4 library {name} is not on this machine: install it (liblz4-1 on Debian and Ubuntu, lz4-libs on Fedora) or name it in {LibraryVariable}.";
        else if (!NativeLibrary.TryGetExport(library, "LZ4_compress_fast_extState", out nint compress)
            || !NativeLibrary.TryGetExport(library, "LZ4_decompress_safe", out nint decompress)
            || !NativeLibrary.TryGetExport(library, "LZ4_sizeofState", out nint stateLength))
            problem = $"The library {name} is not LZ4 or an old one: name another in {LibraryVariable}.";
        else
            lz4 = new Lz4(compress, decompress, ((delegate* unmanaged<int>)stateLength)());
        return lz4 != null;
    }

    /// <summary>Compresses into one block.</summary>
    /// <param name="state"><see cref="StateLength"/> bytes, aligned to 8. Contents do not matter.</param>
    /// <param name="source">What to compress.</param>
    /// <param name="length">Its bytes, at least 1.</param>
    /// <param name="block">Where the block goes; must not overlap the source.</param>
    /// <param name="limit">Its greatest length.</param>
    /// <returns>Length of the block; 0 when it would be longer than the limit.</returns>
    internal int Compress(byte* state, byte* source, int length, byte* block, int limit) => _compress(state, source, block, length, limit, 1);

    /// <summary>Decompresses one block. Bytes from anybody do no harm.</summary>
    /// <param name="block">The block, whole and with nothing behind it.</param>
    /// <param name="blockLength">Its bytes.</param>
    /// <param name="target">Where the content goes; must not overlap the block.</param>
    /// <param name="limit">Its greatest length.</param>
    /// <returns>Bytes of content; negative when the block is malformed, or has more.</returns>
    internal int Decompress(byte* block, int blockLength, byte* target, int limit) => _decompress(block, target, blockLength, limit);
}
